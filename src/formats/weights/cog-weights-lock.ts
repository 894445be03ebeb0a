import { z } from 'zod';
import { compareBytes } from '../../canonical.ts';
import { CogplanError } from '../../errors.ts';

/** What Cog calls its record of weights, beside cog.yaml. */
export const WEIGHTS_LOCK = 'weights.lock';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const source = z.object({
  uri: z.string(),
  fingerprint: z.string().regex(/^(commit|etag|sha256):/),
  include: z.array(z.string()).nullish(),
  exclude: z.array(z.string()).nullish(),
});
const entry = z.object({
  name: z.string(),
  target: z.string(),
  sources: z.array(source),
  setDigest: digest,
  files: z.array(z.object({ path: z.string(), size: z.number().int().nonnegative(), digest })),
});
const document = z.object({ version: z.literal(1), weights: z.array(entry) });

export type CogWeights = z.infer<typeof entry>;

/**
 * The entries of Cog's weights.lock. Error: COGPLAN_WEIGHTS_LOCK_INVALID, for another version, another shape, and two entries of one name or target.
 * https://github.com/replicate/cog, specs/draft-weights.md
 */
export function parseCogWeightsLock(text: string): readonly CogWeights[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  const parsed = document.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'another shape'}`, parsed.error);
  }
  const { weights } = parsed.data;
  for (const key of ['name', 'target'] as const) {
    const values = weights.map((item) => item[key]);
    const twice = values.find((item, index) => values.indexOf(item) !== index);
    if (twice !== undefined) throw invalid(`two entries have the ${key} ${twice}`, undefined);
  }
  return weights;
}

/** One spelling for each source: Cog writes paths as `file://./…` and the hub as `hf://`. */
export function sameSource(
  a: {
    readonly uri: string;
    readonly include?: readonly string[] | null | undefined;
    readonly exclude?: readonly string[] | null | undefined;
  },
  b: typeof a,
): boolean {
  const key = ({ uri, include, exclude }: typeof a): string =>
    JSON.stringify([
      uri
        .replace(/^file:\/\//, '')
        .replace(/^\.\//, '')
        .replace(/^huggingface:/, 'hf:')
        .replace(/\/+$/, ''),
      [...(include ?? [])].sort(compareBytes),
      [...(exclude ?? [])].sort(compareBytes),
    ]);
  return key(a) === key(b);
}

function invalid(reason: string, cause: unknown): CogplanError {
  return new CogplanError('COGPLAN_WEIGHTS_LOCK_INVALID', `${WEIGHTS_LOCK} cannot be used: ${reason}`, {
    subject: WEIGHTS_LOCK,
    where: { file: WEIGHTS_LOCK },
    hint: 'Write it anew: `cog weights import`, or remove it and run `cogplan weights export`.',
    cause,
  });
}
