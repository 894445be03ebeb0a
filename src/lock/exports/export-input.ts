import type { Platform } from '../platform.ts';
import type { Lock, Target } from '../schema.generated.ts';

/** What an export is made from: one target of a lock. */
export interface ExportInput {
  readonly lock: Lock;
  readonly platform: Platform;
  readonly target: Target;
  /** The project's name, for documents that have one. */
  readonly name: string;
}
