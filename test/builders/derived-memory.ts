import type { Json } from '../../src/canonical.ts';

/** Derived results kept in memory, as JSON, as the store keeps them on disk. */
export function derivedMemory() {
  const kept = new Map<string, string>();
  return {
    kept,
    getDerived: async <T extends Json>(kind: string, key: string): Promise<T | undefined> => {
      const text = kept.get(`${kind}/${key}`);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    putDerived: async (kind: string, key: string, value: Json): Promise<void> => {
      kept.set(`${kind}/${key}`, JSON.stringify(value));
    },
  };
}
