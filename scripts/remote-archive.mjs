/*
 * Files out of archives that lie on a server, without fetching the whole of a wheel: its directory stands at its end.
 */
import { gunzipSync, inflateRawSync } from 'node:zlib';

/** The members of a wheel whose names `wanted` admits: name -> bytes. `size` is the wheel's. */
export async function wheelMembers({ url, size }, wanted) {
  const tail = await range(url, Math.max(0, size - 65_536), size - 1);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error(`${url} has no directory at its end`);
  const start = tail.readUInt32LE(end + 16);
  const directory = await range(url, start, start + tail.readUInt32LE(end + 12) - 1);
  const found = new Map();
  for (let at = 0; at + 46 <= directory.length; ) {
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => directory.readUInt16LE(at + offset));
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    if (wanted(name)) found.set(name, await member(url, directory, at, nameLength));
    at += 46 + nameLength + extra + comment;
  }
  return found;
}

async function member(url, directory, at, nameLength) {
  const [method, packed, offset] = [
    directory.readUInt16LE(at + 10),
    directory.readUInt32LE(at + 20),
    directory.readUInt32LE(at + 42),
  ];
  // The local header repeats the name; what else it holds is short.
  const bytes = await range(url, offset, offset + 30 + nameLength + 1024 + packed);
  const data = bytes.subarray(30 + bytes.readUInt16LE(26) + bytes.readUInt16LE(28)).subarray(0, packed);
  return method === 0 ? data : inflateRawSync(data);
}

/** The members of a `.tar.gz` whose names `wanted` admits: name -> bytes. */
export async function sourceMembers({ url }, wanted) {
  const bytes = gunzipSync(Buffer.from(await (await get(url)).arrayBuffer()));
  const found = new Map();
  for (let at = 0; at + 512 <= bytes.length; ) {
    const name = bytes.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8) || 0;
    if (wanted(name)) found.set(name, bytes.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

export async function get(url, headers = {}) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response;
}

async function range(url, from, to) {
  const response = await fetch(url, { headers: { range: `bytes=${from}-${to}` } });
  if (response.status !== 206) throw new Error(`${url} answers ${response.status} to a range`);
  return Buffer.from(await response.arrayBuffer());
}
