import { expect, test } from 'vitest';
import { openLocalIndex } from '../../plan/python/built/local-index.ts';
import { openIndexDesk } from './index-desk.ts';

test.each([
  ['the desk', () => openIndexDesk({ files: async () => [], metadata: async () => new Uint8Array() })],
  ['the index of builds', () => openLocalIndex()],
])('%s promises no end of an idle connection, which would meet the next request on its way', async (_, open) => {
  const index = await open();
  try {
    const response = await fetch(`${index.url.replace(/\/$/, '')}/demo/`);
    await response.arrayBuffer();
    expect(response.headers.get('keep-alive')).toBeNull();
  } finally {
    await index.close();
  }
});
