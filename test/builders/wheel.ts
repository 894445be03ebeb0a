import { createHash } from 'node:crypto';
import { aZip, type ZipMember } from './zip.ts';

export interface WheelParts {
  readonly name?: string;
  readonly version?: string;
  readonly tags?: string;
  /** Members beside the metadata, by path in the archive. */
  readonly files?: Readonly<Record<string, string | Buffer | Omit<ZipMember, 'name'>>>;
  readonly entryPoints?: string;
  readonly isPurelib?: boolean;
  /** Lines of METADATA after Name and Version. */
  readonly metadata?: readonly string[];
  /** Members to add as they are, without a row in RECORD. */
  readonly extra?: readonly ZipMember[];
  readonly wheelVersion?: string;
  /** Of the rows of RECORD; default sha256. */
  readonly recordHash?: 'sha256' | 'sha384' | 'sha512';
  /** Of the archive. */
  readonly zip64?: boolean;
}

/** A small sound wheel: its file name and bytes. */
export function aWheelFile(parts: WheelParts = {}): { readonly filename: string; readonly bytes: Buffer } {
  const { name = 'demo', version = '1.0', tags = 'py3-none-any' } = parts;
  const info = `${name}-${version}.dist-info`;
  const metadata = ['Metadata-Version: 2.1', `Name: ${name}`, `Version: ${version}`, ...(parts.metadata ?? []), ''];
  const wheel = [
    `Wheel-Version: ${parts.wheelVersion ?? '1.0'}`,
    `Root-Is-Purelib: ${parts.isPurelib === false ? 'false' : 'true'}`,
    `Tag: ${tags}`,
    '',
  ];
  const members: ZipMember[] = Object.entries(parts.files ?? {}).map(([path, file]) =>
    typeof file === 'string' || Buffer.isBuffer(file) ? { name: path, content: file } : { name: path, ...file },
  );
  members.push(
    { name: `${info}/METADATA`, content: metadata.join('\n') },
    { name: `${info}/WHEEL`, content: wheel.join('\n') },
  );
  if (parts.entryPoints !== undefined) members.push({ name: `${info}/entry_points.txt`, content: parts.entryPoints });
  const algorithm = parts.recordHash ?? 'sha256';
  const rows = members.map(({ name: path, content }) => {
    const data = Buffer.from(content ?? '');
    return `${/,/.test(String(path)) ? JSON.stringify(path) : path},${algorithm}=${createHash(algorithm).update(data).digest('base64url')},${data.length}`;
  });
  members.push({ name: `${info}/RECORD`, content: `${rows.join('\n')}\n${info}/RECORD,,\n` });
  return {
    filename: `${name}-${version}-${tags}.whl`,
    bytes: aZip([...members, ...(parts.extra ?? [])], { zip64: parts.zip64 ?? false }),
  };
}
