import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../digest.ts';
import { receivedBody } from './received-body.ts';

const place = mkdtempSync(join(tmpdir(), 'received-'));
afterAll(() => rmSync(place, { recursive: true }));

const bytes = (text: string) => Buffer.from(text);

describe('receivedBody', () => {
  it('is whole when its parts are, in any order, twice or at the same time', async () => {
    const body = receivedBody(place);
    body.setSize(10);
    await Promise.all([body.write(5, bytes('fghij')), body.write(0, bytes('abc')), body.write(2, bytes('cde'))]);
    expect(await body.whole()).toEqual({ sha256: sha256('abcdefghij'), size: 10 });
    expect(readFileSync(body.file, 'utf8')).toBe('abcdefghij');
    await body.close();
  });

  it('is not whole with a gap, without an end, or without a length', async () => {
    const [gap, end, length] = [receivedBody(place), receivedBody(place), receivedBody(place)];
    gap.setSize(4);
    await gap.write(0, bytes('a'));
    await gap.write(2, bytes('cd'));
    end.setSize(4);
    await end.write(0, bytes('abc'));
    await length.write(0, bytes('abc'));
    for (const body of [gap, end, length]) {
      expect(await body.whole()).toBeUndefined();
      await body.close();
    }
  });

  it('of an empty file is whole', async () => {
    const body = receivedBody(place);
    body.setSize(0);
    expect(await body.whole()).toEqual({ sha256: sha256(''), size: 0 });
    await body.close();
  });

  it('begins again when the file has another length than before', async () => {
    const body = receivedBody(place);
    body.setSize(3);
    await body.write(0, bytes('old'));
    body.setSize(5);
    expect(await body.whole()).toBeUndefined();
    await body.write(0, bytes('newer'));
    expect(await body.whole()).toEqual({ sha256: sha256('newer'), size: 5 });
    await body.close();
  });
});
