export interface RemoteFile {
  readonly url: string;
  readonly size: number;
}

export function wheelMembers(
  file: RemoteFile,
  wanted: (name: string) => boolean,
): Promise<ReadonlyMap<string, Buffer>>;
export function sourceMembers(
  file: Pick<RemoteFile, 'url'>,
  wanted: (name: string) => boolean,
): Promise<ReadonlyMap<string, Buffer>>;
export function get(url: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
