export const CORPUS: URL;
export function corpusNumbers(): Promise<readonly string[] | undefined>;
export function copyProject(number: string, directory: string): Promise<void>;
