import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../canonical.ts';
import { sha256 } from '../../digest.ts';
import type { MarkerEnvironment } from '../../formats/python/marker.ts';
import type { WheelEnvironment } from '../../formats/python/wheel-tags.ts';
import type { Store } from '../../store/store.ts';

const MACHINES = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64' } as const;

/** Marker values of CPython on the target. The kernel's release and version are no property of an image: empty. */
export function targetMarkers({ version, platform }: WheelEnvironment): MarkerEnvironment {
  return {
    implementation_name: 'cpython',
    implementation_version: version,
    os_name: 'posix',
    platform_machine: MACHINES[platform],
    platform_python_implementation: 'CPython',
    platform_release: '',
    platform_system: 'Linux',
    platform_version: '',
    python_full_version: version,
    python_version: version.split('.').slice(0, 2).join('.'),
    sys_platform: 'linux',
  };
}

/**
 * Path of an executable that answers uv's question to an interpreter with the target's description, so that uv resolves
 * for the target with no Python on the host. It needs nothing but a POSIX shell. The path depends on the target alone.
 */
export async function targetInterpreter(store: Store, environment: WheelEnvironment): Promise<string> {
  const script = `#!/bin/sh\nprintf '%s\\n' '${canonicalJson(describeInterpreter(environment))}'\n`;
  const directory = await store.derivedDirectory('uv-interpreter', sha256(script), async (path) => {
    await writeFile(join(path, 'python3'), script);
    await chmod(join(path, 'python3'), 0o755);
  });
  return join(directory, 'python3');
}

/** What uv's `get_interpreter_info.py` prints. The format is private to uv, one reason why its version is exact. */
function describeInterpreter(environment: WheelEnvironment) {
  const markers = targetMarkers(environment);
  const machine = markers.platform_machine;
  const [glibcMajor = 0, glibcMinor = 0] = environment.glibc.split('.').map(Number);
  const stdlib = `/usr/lib/python${markers.python_version}`;
  const tag = markers.python_version.replace('.', '');
  return {
    result: 'success',
    markers: { ...markers },
    sys_base_prefix: '/usr',
    sys_base_exec_prefix: '/usr',
    sys_prefix: '/usr',
    sys_base_executable: '/usr/bin/python3',
    sys_executable: '/usr/bin/python3',
    sys_path: [],
    site_packages: [],
    stdlib,
    extension_suffixes: [`.cpython-${tag}-${machine}-linux-gnu.so`, '.abi3.so', '.so'],
    standalone: false,
    scheme: { platlib: stdlib, purelib: stdlib, include: '/usr/include', scripts: '/usr/bin', data: '/usr' },
    virtualenv: { purelib: 'lib', platlib: 'lib', include: 'include', scripts: 'bin', data: '' },
    os: { name: 'manylinux', major: glibcMajor, minor: glibcMinor },
    arch: machine,
    cpu_info: { detected: { kind: 'flags', flags: '' } },
    manylinux_compatible: true,
    gil_disabled: false,
    debug_enabled: false,
    pointer_size: '64',
  };
}
