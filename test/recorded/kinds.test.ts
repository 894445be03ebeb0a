import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CogplanError } from '../../src/errors.ts';
import { applyEdits, type Fix, fixesOf } from '../../src/spec/edit-spec.ts';
import { aContext, type TestContext } from '../builders/context.ts';
import { openRecordedIndex, type RecordedIndex } from '../servers/recorded-index.ts';
import { KINDS } from './kinds.ts';
import { RECORDING, resolveKind, writeKind } from './resolve-kind.ts';

/*
 * One input for each kind that real projects come in, against what PyPI answered on the day of the recording. `COGPLAN_RECORD=1 npx vitest run
 * test/recorded` asks PyPI for what is not recorded yet; delete the recording to make it anew.
 */

const isRecording = process.env.COGPLAN_RECORD === '1';
let context: TestContext;
let upstream: TestContext | undefined;
let index: RecordedIndex;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cogplan-kind-'));
});
afterEach(async () => {
  await index?.close();
  context?.dispose();
  upstream?.dispose();
  rmSync(directory, { recursive: true });
});

function follow({ edits }: Fix): void {
  for (const file of new Set(edits.map((edit) => edit.file))) {
    const path = join(directory, file);
    writeFileSync(
      path,
      applyEdits(
        readFileSync(path, 'utf8'),
        edits.filter((edit) => edit.file === file),
      ),
    );
  }
}

describe('inputs of every kind', () => {
  test.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', async (_, kind) => {
    upstream = isRecording
      ? await aContext({
          SSL_CERT_FILE: process.env.SSL_CERT_FILE ?? '',
          NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '',
        })
      : undefined;
    index = await openRecordedIndex(RECORDING, upstream);
    context = await aContext({ COGPLAN_MIRRORS: `${index.mirrors},https://download.pytorch.org/=http://127.0.0.1:9/` });
    writeKind(directory, kind);
    const outcome = await resolveKind(context, directory).then(
      (resolution) => ({ resolution, error: undefined }),
      (error: unknown) => ({ resolution: undefined, error }),
    );
    if (kind.error === undefined) {
      if (outcome.error !== undefined) throw outcome.error;
      const pins = outcome.resolution?.python.packages.map((item) => `${item.name}==${item.version}`) ?? [];
      expect(pins).toEqual(expect.arrayContaining([...(kind.has ?? [])]));
      expect(outcome.resolution?.python.packages.every((item) => item.file.size > 0)).toBe(true);
      if (kind.accelerator !== undefined) expect(outcome.resolution?.accelerator).toMatchObject(kind.accelerator);
    } else {
      expect(outcome.error).toBeInstanceOf(CogplanError);
      expect(outcome.error).toMatchObject({ code: kind.error.code });
      if (kind.error.line !== undefined) expect((outcome.error as CogplanError).where?.line).toBe(kind.error.line);
      const fixes = fixesOf(outcome.error);
      expect(fixes.length).toBeGreaterThan(0);
      kind.advice?.forEach((pattern, at) => {
        expect(fixes[at]?.text).toMatch(pattern);
      });
      for (const fix of fixes) {
        writeKind(directory, kind);
        follow(fix);
        expect((await resolveKind(context, directory, fix.asOf ?? null)).python.packages.length).toBeGreaterThan(0);
      }
    }
    expect(index.missing).toEqual([]);
  });
});
