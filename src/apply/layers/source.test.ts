import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Context } from '../../context.ts';
import { silentHost } from '../../events.ts';
import { openStore } from '../../store/open-store.ts';
import { buildSource } from './source.ts';
import * as writer from './write-layer.ts';

let directory: string;
let project: string;
let context: Context;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-source-'));
  project = join(directory, 'project');
  mkdirSync(join(project, 'pkg'), { recursive: true });
  writeFileSync(join(project, 'predict.py'), 'print(1)\n');
  writeFileSync(join(project, 'pkg/run.sh'), '#!/bin/sh\n');
  chmodSync(join(project, 'pkg/run.sh'), 0o700);
  symlinkSync('run.sh', join(project, 'pkg/link'));
  const store = await openStore(join(directory, 'store'));
  const signal = new AbortController().signal;
  // A minute ahead, so that files written just now count as settled.
  const now = () => new Date(Date.now() + 60_000);
  context = { host: silentHost, store, env: {}, signal, concurrency: 1, now } as unknown as Context;
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

describe('buildSource', () => {
  it('lays the project out below /src with modes that only know executable or not', async () => {
    const source = await buildSource(context, project);
    const listed = execFileSync('tar', ['-tvf', context.store.blobPath(source.layer.diffId)], { encoding: 'utf8' });
    const rows = listed
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +\d+ \S+ \S+ /, ' '));
    expect(rows).toEqual([
      'drwxr-xr-x 0/0 src/',
      'drwxr-xr-x 0/0 src/pkg/',
      'lrwxrwxrwx 0/0 src/pkg/link -> run.sh',
      '-rwxr-xr-x 0/0 src/pkg/run.sh',
      '-rw-r--r-- 0/0 src/predict.py',
    ]);
    expect(source).toMatchObject({ files: 2, size: 19, treeDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  });

  it('does not read an unchanged tree again', async () => {
    const first = await buildSource(context, project);
    const write = vi.spyOn(writer, 'writeLayer');
    expect(await buildSource(context, project)).toEqual(first);
    expect(write).not.toHaveBeenCalled();
  });

  it('gives the same layer for the same tree elsewhere', async () => {
    const first = await buildSource(context, project);
    const copy = join(directory, 'copy');
    execFileSync('cp', ['-r', project, copy]);
    utimesSync(join(copy, 'predict.py'), 1, 1);
    const second = await buildSource(context, copy);
    expect(second).toEqual(first);
  });

  it.each<[string, () => void]>([
    ['other content of the same size', () => writeFileSync(join(project, 'predict.py'), 'print(2)\n')],
    ['a new file', () => writeFileSync(join(project, 'new'), '')],
    ['an executable bit', () => chmodSync(join(project, 'predict.py'), 0o755)],
    ['a removed file', () => rmSync(join(project, 'pkg/link'))],
  ])('notices %s', async (_name, change) => {
    const first = await buildSource(context, project);
    change();
    const second = await buildSource(context, project);
    expect(second.treeDigest).not.toBe(first.treeDigest);
    expect(second.layer.diffId).not.toBe(first.layer.diffId);
  });

  it('notices content that is changed behind unchanged times', async () => {
    const file = join(project, 'predict.py');
    utimesSync(file, 1_000_000, 1_000_000);
    const first = await buildSource(context, project);
    writeFileSync(file, 'print(2)\n');
    utimesSync(file, 1_000_000, 1_000_000);
    expect((await buildSource(context, project)).treeDigest).not.toBe(first.treeDigest);
  });

  it('does not trust the times of a file that was written just now', async () => {
    context = { ...context, now: () => new Date() };
    await buildSource(context, project);
    const put = vi.spyOn(context.store, 'putDerived');
    writeFileSync(join(project, 'predict.py'), 'print(3)\n');
    await buildSource(context, project);
    expect(put).not.toHaveBeenCalled();
  });

  it('builds again when the layer is damaged', async () => {
    const first = await buildSource(context, project);
    const blob = context.store.blobPath(first.layer.diffId);
    chmodSync(blob, 0o644);
    writeFileSync(blob, 'x', { flag: 'r+' });
    expect(await buildSource(context, project)).toEqual(first);
    expect(execFileSync('sha256sum', [blob], { encoding: 'utf8' }).slice(0, 64)).toBe(first.layer.diffId);
  });

  it('refuses a file that changes while it is read', async () => {
    const original = writer.writeLayer;
    vi.spyOn(writer, 'writeLayer').mockImplementation(async (...rest) => {
      const built = await original(...rest);
      writeFileSync(join(project, 'predict.py'), 'print(9)\n');
      return built;
    });
    await expect(buildSource(context, project)).rejects.toMatchObject({
      code: 'COGPLAN_SOURCE_CHANGED',
      subject: 'predict.py',
    });
  });
});
