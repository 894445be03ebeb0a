import fc from 'fast-check';
import { compareBytes } from '../../src/canonical.ts';
import { type Digest, type Sha256, sha256 } from '../../src/digest.ts';
import type { File, Lock, PythonPackage, Seal, SystemPackage, Target } from '../../src/lock/schema.generated.ts';
import { aTarget } from './lock.ts';

/*
 * Arbitrary sound locks over small alphabets, so that two of them share names, versions and bytes often enough to meet every
 * kind of change.
 */

const name = fc.constantFrom('alpha', 'beta', 'gamma', 'delta', 'archive-x');
const version = fc.constantFrom('1.0', '1.1', '2.0', '2.0rc1', 'weird~version', '');
const text = fc.oneof(fc.constantFrom('a', 'b', ''), fc.string({ maxLength: 8 }));

const file: fc.Arbitrary<File> = fc
  .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('one.test', 'two.test'), fc.boolean(), fc.boolean())
  .map(([content, host, computed, mirrored]) => ({
    url: `https://${host}/${content}.whl`,
    ...(mirrored ? { mirrors: ['https://mirror.test/x'] } : {}),
    sha256: sha256(content),
    size: content.charCodeAt(0),
    ...(computed ? { computed: true as const } : {}),
  }));

const wheel: fc.Arbitrary<PythonPackage> = fc
  .tuple(
    name,
    version,
    file,
    fc.option(fc.constantFrom('https://i.test', 'https://j.test')),
    fc.array(name, { maxLength: 2 }),
    fc.boolean(),
  )
  .map(([wheelName, wheelVersion, wheelFile, index, requires, asked]) => ({
    name: wheelName,
    version: wheelVersion,
    file: wheelFile,
    ...(index === null ? {} : { index }),
    ...(asked ? { asked: [`requirements.txt:1: ${wheelName}`] } : {}),
    requires: [...new Set(requires)].map((item) => `${item}>=1`),
  }));

const deb = fc
  .tuple(
    name,
    version,
    file,
    fc.constantFrom('base' as const, 'interpreter' as const, 'system' as const),
    fc.dictionary(fc.constantFrom('postinst', 'triggers'), fc.constantFrom('x', 'y')),
  )
  .map(
    ([debName, debVersion, debFile, group, scripts]): SystemPackage => ({
      name: debName,
      version: debVersion,
      architecture: 'amd64',
      group,
      file: debFile,
      depends: [],
      scripts: Object.fromEntries(
        Object.entries(scripts).map(([key, value]): [string, Sha256] => [key, sha256(value)]),
      ),
    }),
  );

const seal: fc.Arbitrary<Seal> = fc
  .tuple(fc.constantFrom('base', 'wheels', 'cog'), fc.constantFrom('1', '2'), fc.constantFrom('1', '2'))
  .map(([layer, recipe, content]) => ({
    layer,
    family: 'python',
    recipe: sha256(recipe),
    diffId: `sha256:${sha256(content)}` as Digest,
    size: 7,
  }));

const target: fc.Arbitrary<Target> = fc
  .record({
    suite: fc.constantFrom('bookworm', 'trixie'),
    python: fc.constantFrom('3.11.2', '3.13.5'),
    gpu: fc.boolean(),
    debs: sorted(deb, (item) => item.name),
    wheels: sorted(wheel, (item) => item.name),
    server: sorted(wheel, (item) => item.name),
    indexes: fc.uniqueArray(fc.constantFrom('https://i.test', 'https://j.test'), { maxLength: 2 }),
    archives: fc.subarray(['2026-01-01', '2026-02-01', '2026-03-01']),
    env: fc.uniqueArray(fc.constantFrom('A=1', 'A=2', 'B=1', 'noequals'), { maxLength: 4 }),
    labels: fc.dictionary(fc.constantFrom('x', 'y/z~'), text),
    seals: sorted(seal, (item) => item.layer),
    user: text,
  })
  .map((parts) => {
    const plain = aTarget();
    return aTarget({
      base: { kind: 'debian', suite: parts.suite, why: `why ${parts.suite}` },
      interpreter: { ...plain.interpreter, version: parts.python },
      accelerator: parts.gpu ? { provider: 'wheels', why: 'gpu' } : null,
      system: {
        archives: parts.archives.map((date) => ({ ...plain.system.archives[0]!, date: `${date}T00:00:00Z` })),
        packages: parts.debs.map((item) => ({ ...item, depends: parts.debs.slice(0, 1).map((other) => other.name) })),
      },
      python: { indexes: parts.indexes, packages: parts.wheels },
      runtime: { sdk: plain.runtime.sdk, server: parts.server },
      image: { ...plain.image, env: parts.env, labels: parts.labels, user: parts.user },
      seals: parts.seals,
    });
  });

export function anyLock(): fc.Arbitrary<Lock> {
  return fc
    .record({
      writtenBy: fc.constantFrom('cogplan 0.1.0', 'cogplan 0.2.0'),
      asOf: fc.constantFrom(null, '2026-01-01T00:00:00Z'),
      asked: fc.dictionary(
        fc.constantFrom('python', 'system', 'image'),
        fc.dictionary(
          fc.constantFrom('k', 'l'),
          fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 2 })),
        ),
      ),
      holds: sorted(
        fc.record({
          subject: name.map((item) => `python/${item}`),
          reason: fc.constantFrom('r', 's'),
          since: fc.constant('2026-01-01'),
        }),
        (hold) => hold.subject,
      ),
      tools: sorted(
        fc.record({ name, version, host: fc.constantFrom('linux/amd64', 'darwin/arm64'), file }),
        (tool) => `${tool.name}\0${tool.host}`,
      ),
      targets: fc.dictionary(fc.constantFrom('linux/amd64', 'linux/arm64'), target),
    })
    .map((parts) => ({
      lockVersion: 1 as const,
      assembler: 1 as const,
      ...parts,
      asked: JSON.parse(JSON.stringify(parts.asked)),
    }));
}

function sorted<T>(item: fc.Arbitrary<T>, keyOf: (value: T) => string): fc.Arbitrary<T[]> {
  return fc
    .uniqueArray(item, { maxLength: 4, selector: keyOf })
    .map((list) => list.sort((a, b) => compareBytes(keyOf(a), keyOf(b))));
}
