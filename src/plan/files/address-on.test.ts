import { describe, expect, it, test } from 'vitest';
import { readRun } from '../../spec/run/read-run.ts';
import { addressOn } from './address-on.ts';
import { listedHash, PGET_VERSIONS, pgetHashList, pgetProgram, pgetRelease } from './pget-releases.ts';

const RELEASES = 'https://github.com/replicate/pget/releases';

/** The forms in which projects install pget, and what they become: on amd64, and on arm64 (`!`: told as foreign). */
const FORMS: readonly (readonly [string, string, string])[] = [
  ['download/v0.8.2/pget_linux_x86_64', 'download/v0.8.2/pget_linux_x86_64', '!download/v0.8.2/pget_linux_x86_64'],
  [
    'latest/download/pget_$(uname -s)_$(uname -m)',
    'latest/download/pget_Linux_x86_64',
    'latest/download/pget_linux_arm64',
  ],
  ['download/v0.6.0/pget_linux_x86_64', 'download/v0.6.0/pget_linux_x86_64', '!download/v0.6.0/pget_linux_x86_64'],
  ['download/v0.0.3/pget', 'download/v0.0.3/pget', '!download/v0.0.3/pget'],
  ['download/v0.8.1/pget_linux_x86_64', 'download/v0.8.1/pget_linux_x86_64', '!download/v0.8.1/pget_linux_x86_64'],
  ['download/v0.1.1/pget', 'download/v0.1.1/pget', '!download/v0.1.1/pget'],
  ['latest/download/pget_linux_x86_64', 'latest/download/pget_linux_x86_64', '!latest/download/pget_linux_x86_64'],
  ['latest/download/pget_Linux_x86_64', 'latest/download/pget_Linux_x86_64', '!latest/download/pget_Linux_x86_64'],
  [
    'download/v0.8.1/pget_$(uname -s)_$(uname -m)',
    'download/v0.8.1/pget_Linux_x86_64',
    'download/v0.8.1/pget_linux_arm64',
  ],
  ['download/v0.6.1/pget_linux_x86_64', 'download/v0.6.1/pget_linux_x86_64', '!download/v0.6.1/pget_linux_x86_64'],
  ['download/v0.6.2/pget_linux_x86_64', 'download/v0.6.2/pget_linux_x86_64', '!download/v0.6.2/pget_linux_x86_64'],
  ['download/v0.5.6/pget', 'download/v0.5.6/pget', '!download/v0.5.6/pget'],
  ['download/v0.5.6/pget_linux_x86_64', 'download/v0.5.6/pget_linux_x86_64', '!download/v0.5.6/pget_linux_x86_64'],
  ['download/v0.9.1/pget_linux_x86_64', 'download/v0.9.1/pget_linux_x86_64', '!download/v0.9.1/pget_linux_x86_64'],
  ['download/v0.10.2/pget_linux_x86_64', 'download/v0.10.2/pget_linux_x86_64', '!download/v0.10.2/pget_linux_x86_64'],
  ['download/v0.11.0/pget_linux_x86_64', 'download/v0.11.0/pget_linux_x86_64', '!download/v0.11.0/pget_linux_x86_64'],
  ['download/v0.0.1/pget', 'download/v0.0.1/pget', '!download/v0.0.1/pget'],
  ['download/v0.0.3/pget#cacheburst', 'download/v0.0.3/pget', '!download/v0.0.3/pget'],
  [
    'latest/download/pget_Linux_$(dpkg --print-architecture)',
    'latest/download/pget_linux_x86_64',
    'latest/download/pget_Linux_arm64',
  ],
];

describe('pget', () => {
  it.each(FORMS)('%s', (form, amd64, arm64) => {
    const commands = [`curl -o /usr/local/bin/pget -L "${RELEASES}/${form}" && chmod +x /usr/local/bin/pget`];
    const { placements, steps } = readRun(
      commands.map((command) => ({ command, mounts: [], where: { file: 'cog.yaml' } })),
    );
    expect(steps).toEqual([]);
    expect(placements).toMatchObject([{ path: '/usr/local/bin/pget', mode: 0o755 }]);
    const text = placements[0]?.url ?? '';
    expect(addressOn(text, 'linux/amd64')).toEqual({ url: `${RELEASES}/${amd64}` });
    const other = addressOn(text, 'linux/arm64');
    expect((other.foreign === undefined ? '' : '!') + other.url.slice(RELEASES.length + 1)).toBe(arm64);
  });

  it('has a program for arm64 since releases name processors', () => {
    expect(PGET_VERSIONS.filter((version) => pgetProgram(version, 'linux/arm64') === undefined).at(-1)).toBe('0.3.2');
    expect(pgetProgram('0.12.1', 'linux/arm64')).toBe('pget_linux_arm64');
    expect(pgetProgram('latest', 'linux/amd64')).toBe('pget_linux_x86_64');
    expect(addressOn(`${RELEASES}/download/v0.8.2/pget_linux_x86_64`, 'linux/arm64').foreign?.remedy).toBe(
      `${RELEASES}/download/v0.8.2/pget_linux_arm64`,
    );
  });

  it('lists hashes', () => {
    const release = pgetRelease(`${RELEASES}/download/v0.8.2/pget_Linux_x86_64`);
    expect(release && pgetHashList(release)).toBe(`${RELEASES}/download/v0.8.2/checksums.txt`);
    const hash = 'ab'.repeat(32);
    expect(listedHash(`${'0'.repeat(64)}  pget_darwin_all\n${hash}  pget_linux_x86_64\r\n`, 'pget_Linux_x86_64')).toBe(
      hash,
    );
    expect(listedHash('<html>', 'pget')).toBeUndefined();
    expect(pgetRelease('https://github.com/other/pget/releases/download/v1.0.0/pget')).toBeUndefined();
  });
});

test.each([
  ['https://h.test/tool-linux-amd64.tar.gz', 'linux/arm64', 'amd64'],
  ['https://h.test/tool-x64', 'linux/arm64', 'x64'],
  ['https://h.test/tool_aarch64.deb?x=amd64', 'linux/amd64', 'aarch64'],
  ['https://h.test/amd64/tool', 'linux/arm64', undefined],
  ['https://h.test/model-fp16.bin', 'linux/arm64', undefined],
  ['https://h.test/tool-amd64-arm64', 'linux/arm64', undefined],
] as const)('%s on %s is for %s', (url, platform, processor) => {
  expect(addressOn(url, platform).foreign?.processor).toBe(processor);
});
