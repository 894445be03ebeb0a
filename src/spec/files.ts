/** Names of a project's configuration, in the order in which they are looked for. */
export const FILES: readonly string[] = ['cog.yaml', 'cog.yml'];
