import { describe, expect, test } from 'vitest';
import { explainFailure } from './uv-failure.ts';

const INDEXES = { primary: 'https://index.test/simple', extra: [], findLinks: [] };

function thrown(stderr: string): { code: string; message: string; subject: string | undefined } {
  try {
    explainFailure(stderr, INDEXES);
  } catch (error) {
    const { code, message, subject } = error as { code: string; message: string; subject: string | undefined };
    return { code, message, subject };
  }
  throw new Error('nothing was thrown');
}

describe('unsatisfiable requirements', () => {
  test('keep the reasoning, in whole lines', () => {
    const outcome = explainFailure(
      `error: No solution found when resolving dependencies
  cause: Because opencv-python>=5 depends on numpy>=2 and you require numpy<2, we can conclude that your requirements and opencv-python>=5 are incompatible.
         And because you require opencv-python>=5, we can conclude that your requirements are unsatisfiable.
`,
      INDEXES,
    );
    expect(outcome).toEqual({
      kind: 'unsatisfiable',
      explanation:
        'Because opencv-python>=5 depends on numpy>=2 and you require numpy<2, we can conclude that your requirements and opencv-python>=5 are incompatible.\n' +
        'And because you require opencv-python>=5, we can conclude that your requirements are unsatisfiable.',
      withoutWheel: [],
      unknown: [],
    });
  });

  test('name the package without wheels, and lose advice about options of uv', () => {
    const outcome = explainFailure(
      `error: No solution found when resolving dependencies
  cause: Because antlr4-python3-runtime>=4.9,<=4.9.3 has no usable wheels and only the following versions of antlr4-python3-runtime are available:
             antlr4-python3-runtime<4.9.dev0
         we can conclude that antlr4-python3-runtime==4.9.* cannot be used.

hint: Wheels are required for \`antlr4-python3-runtime\` because building from source is disabled for all packages (i.e., with \`--no-build\`)
`,
      INDEXES,
    );
    expect(outcome.withoutWheel).toEqual([{ name: 'antlr4-python3-runtime', versions: '>=4.9,<=4.9.3' }]);
    expect(outcome.explanation).toContain('\n    antlr4-python3-runtime<4.9.dev0\nwe can conclude');
    expect(outcome.explanation).not.toContain('--no-build');
  });

  test('name a package of which no version has wheels', () => {
    const outcome = explainFailure(
      `error: No solution found when resolving dependencies
  cause: Because all versions of promise have no usable wheels and tensorflow-datasets==4.4.0 depends on promise, we can conclude that tensorflow-datasets==4.4.0 cannot be used.
`,
      INDEXES,
    );
    expect(outcome.withoutWheel).toEqual([{ name: 'promise', versions: '' }]);
  });

  test('name a package that is asked for with extras', () => {
    const outcome = explainFailure(
      `error: No solution found when resolving dependencies
  cause: Because jax[cuda11-pip]==0.4.14 has no usable wheels and you require jax[cuda11-pip]==0.4.14, we can conclude that your requirements are unsatisfiable.
`,
      INDEXES,
    );
    expect(outcome.withoutWheel).toEqual([{ name: 'jax', versions: '==0.4.14' }]);
  });

  test('keep advice about the packages', () => {
    const outcome = explainFailure(
      `error: No solution found when resolving dependencies
  cause: Because torch==1.0.0 has no wheels with a matching Python ABI tag (e.g., \`cp311\`) and you require torch==1.0.0, we can conclude that your requirements are unsatisfiable.

hint: You require CPython 3.11 (\`cp311\`), but we only found wheels for \`torch\` (v1.0.0) with the following Python ABI tags: \`cp27m\`, \`cp37m\`
`,
      INDEXES,
    );
    expect(outcome.withoutWheel).toEqual([{ name: 'torch', versions: '==1.0.0' }]);
    expect(outcome.explanation).toContain('only found wheels for `torch` (v1.0.0)');
  });

  test.each([
    ['foo was not found in the package registry and you require foo', 'foo'],
    ['there are no versions of foo-bar and you require foo-bar', 'foo-bar'],
  ])('%s: names the unknown package', (reason, name) => {
    const text = `error: No solution found when resolving dependencies\n  cause: Because ${reason}, we can conclude that your requirements are unsatisfiable.\n`;
    expect(explainFailure(text, INDEXES).unknown).toEqual([name]);
  });
});

test.each([
  [
    'COGPLAN_INDEX_AUTH',
    'https://private.test/simple',
    `error: No solution found when resolving dependencies
  cause: Because foo was not found in the package registry and you require foo, we can conclude that your requirements are unsatisfiable.

hint: An index URL (https://private.test/simple) could not be queried due to a lack of valid authentication credentials (401 Unauthorized)
`,
  ],
  [
    'COGPLAN_INDEX_AUTH',
    'https://private.test/simple',
    `error: No solution found when resolving dependencies
  cause: Because foo was not found in the package registry and you require foo, we can conclude that your requirements are unsatisfiable.

hint: An index (https://private.test/simple) returned a 403 Forbidden error. Check that the index URL is correct and the credentials are valid.
`,
  ],
  [
    'COGPLAN_OFFLINE',
    'https://index.test/simple',
    `error: No solution found when resolving dependencies
  cause: Because foo was not found in the cache and you require foo, we can conclude that your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may only be read from the cache.
`,
  ],
  [
    'COGPLAN_NETWORK',
    'http://127.0.0.1:1/simple/foo/',
    `error: Failed to fetch: http://127.0.0.1:1/simple/foo/
  cause: error sending request for url (http://127.0.0.1:1/simple/foo/)
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
`,
  ],
  [
    'COGPLAN_UV_FAILED',
    'http://127.0.0.1:1/json/foo/',
    `error: Received some unexpected JSON from \`http://127.0.0.1:1/json/foo/\`
  cause: key must be a string at line 1 column 2
`,
  ],
  [
    'COGPLAN_HASH_MISMATCH',
    'http://127.0.0.1:1/app-2.0-py3-none-any.whl.metadata',
    `error: Hash mismatch for package metadata at \`http://127.0.0.1:1/app-2.0-py3-none-any.whl.metadata\`
Expected:
  sha256:88
Computed:
  sha256:a3
`,
  ],
  ['COGPLAN_UV_FAILED', undefined, 'something nobody expected'],
])('%s about %s', (code, subject, stderr) => {
  expect(thrown(stderr)).toMatchObject({ code, subject });
});

test('credentials in a URL do not reach the message', () => {
  const { message } = thrown(
    'error: Failed to fetch: https://me:secret@private.test/simple/foo/\n  cause: dns error\n',
  );
  expect(message).not.toContain('secret');
});
