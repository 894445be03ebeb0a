import { createHash } from 'node:crypto';

/** A lock of so many packages, of which `moved(index)` says whether they are at their second version. */
export function generatedLock({ debs, wheels, moved }) {
  const name = (prefix, index) => `${prefix}${String(index).padStart(5, '0')}`;
  const versionOf = (index) => (moved(index) ? '2.0' : '1.0');
  const systemPackage = (index) => ({
    name: name('lib', index),
    version: versionOf(index),
    architecture: 'amd64',
    group: 'system',
    file: file(`${name('lib', index)}_${versionOf(index)}_amd64.deb`),
    ...(index % 50 === 0 ? { asked: 'build.system_packages' } : {}),
    depends: index === 0 ? [] : [name('lib', index >> 1)],
    scripts: {},
  });
  const wheel = (index) => ({
    name: name('package-', index),
    version: versionOf(index),
    file: file(`package_${index}-${versionOf(index)}-py3-none-any.whl`),
    ...(index % 20 === 0 ? { asked: ['requirements.txt:1'] } : {}),
    requires: index === 0 ? [] : [`${name('package-', index >> 1)}>=1`],
  });
  return {
    lockVersion: 1,
    assembler: 1,
    writtenBy: 'cogplan bench',
    asOf: null,
    asked: {},
    holds: [],
    tools: [],
    targets: {
      'linux/amd64': {
        base: { kind: 'debian', suite: 'bookworm', why: 'bench' },
        interpreter: { version: '3.11.2', provider: 'debian', path: '/usr/bin/python3.11', why: 'bench' },
        accelerator: null,
        system: { archives: [], packages: Array.from({ length: debs }, (_, index) => systemPackage(index)) },
        python: {
          indexes: ['https://index.test/simple'],
          packages: Array.from({ length: wheels }, (_, index) => wheel(index)),
        },
        files: [],
        weights: [],
        steps: [],
        runtime: { sdk: wheel(0), server: [] },
        image: { env: [], entrypoint: [], cmd: [], workdir: '/src', user: '', ports: [], labels: {} },
        seals: [],
      },
    },
  };
}

function file(name) {
  return { url: `https://files.test/${name}`, sha256: createHash('sha256').update(name).digest('hex'), size: 1000 };
}
