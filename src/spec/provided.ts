/** Names that the image has already: Cog installs its own SDK and server, and requirements would replace them. */
export const PROVIDED: ReadonlySet<string> = new Set(['cog', 'coglet']);
