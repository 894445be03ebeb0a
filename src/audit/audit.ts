import type { Applied } from '../apply/apply.ts';
import { applyLock } from '../apply/apply.ts';
import type { LayerDifference } from '../apply/compare-layers.ts';
import type { Sandbox } from '../apply/sandbox/sandbox.ts';
import type { Context } from '../context.ts';
import type { Digest } from '../digest.ts';
import { CogplanError } from '../errors.ts';
import type { Platform } from '../lock/platform.ts';
import type { Lock } from '../lock/schema.generated.ts';

export interface AuditRequest {
  readonly lock: Lock;
  readonly platform: Platform;
  readonly projectDirectory: string;
  /** As for `applyLock`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly openSandbox: () => Promise<Sandbox>;
}

export interface AuditedLayer {
  readonly layer: string;
  readonly family: string;
  /** `unsealed`: the lock was never applied, so there is nothing to compare with. */
  readonly status: 'same' | 'differs' | 'unsealed';
  readonly diffId: Digest;
  readonly sealed?: Digest;
  /** First path and field that differ, when the sealed layer is still at hand. */
  readonly difference?: LayerDifference;
}

export interface AuditReport {
  readonly clean: boolean;
  readonly imageId: Digest;
  readonly layers: readonly AuditedLayer[];
}

/**
 * Builds the image again from locked blobs alone, every derived result ignored and every blob read anew, and compares each
 * layer with its seal. A difference is a finding, not an error.
 */
export async function audit(context: Context, request: AuditRequest): Promise<AuditReport> {
  const target = request.lock.targets[request.platform];
  if (target !== undefined && target.seals.length === 0) {
    throw new CogplanError('COGPLAN_NOT_SEALED', `the lock holds no seal for ${request.platform}`, {
      subject: request.platform,
      hint: 'Run `cogplan apply` once: it seals the layers in cogplan.lock.',
    });
  }
  const applied: Applied = await applyLock(context, {
    ...request,
    bytecode: hasBytecode(request),
    cold: true,
    onSealMismatch: 'report',
  });
  const seals = new Map(target?.seals.map((seal) => [seal.layer, seal]));
  const layers = applied.layers.flatMap((layer): AuditedLayer[] => {
    if (layer.family === 'source') return [];
    const seal = seals.get(layer.layer);
    const status = layer.sealed === 'matched' ? 'same' : seal === undefined ? 'unsealed' : 'differs';
    return [
      {
        layer: layer.layer,
        family: layer.family,
        status,
        diffId: layer.diffId,
        ...(seal === undefined ? {} : { sealed: seal.diffId }),
        ...(layer.difference === undefined ? {} : { difference: layer.difference }),
      },
    ];
  });
  return { clean: layers.every((layer) => layer.status === 'same'), imageId: applied.imageId, layers };
}

/** An image that was applied without bytecode is audited without it. */
function hasBytecode({ lock, platform }: AuditRequest): boolean {
  return lock.targets[platform]?.seals.some((seal) => seal.layer.startsWith('bytecode')) ?? true;
}
