// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the shell's own
import { describe, expect, it } from 'vitest';
import { readRun } from './read-run.ts';
import { ARCHITECTURE, MACHINE, type RunReading } from './run-reading.ts';
import { PLAIN, type Surroundings } from './run-state.ts';

const WRITE = 'pip install';

function read(lines: readonly string[], surroundings: Partial<Surroundings> = {}): RunReading {
  const commands = lines.map((command, index) => ({
    command,
    mounts: [],
    where: { file: 'cog.yaml', line: index + 1 },
  }));
  return readRun(commands, { ...PLAIN, ...surroundings });
}

/** What is locked, and what is run, each with the platform it is for. */
function told(reading: RunReading): readonly string[] {
  const on = (platform: string | undefined): string => platform?.replace('linux/', '@') ?? '';
  const plain = (text: string): string => text.replaceAll(MACHINE, '{m}').replaceAll(ARCHITECTURE, '{a}');
  return [
    ...reading.requirements.map(({ value }) => `pip ${value}`),
    ...reading.systemPackages.map(({ value, platform }) => `apt ${value}${on(platform)}`),
    ...reading.placements.map(
      ({ path, url, text, git, target, mode, platform }) =>
        `put ${path}${mode === undefined ? '' : ` ${mode.toString(8)}`} ${plain(url ?? git?.url ?? target ?? JSON.stringify(text ?? ''))}${on(platform)}`,
    ),
    ...reading.weights.map(({ uri }) => `weights ${uri}`),
    ...reading.steps.map(({ command, platform }) => `run ${command}${on(platform)}`),
  ];
}

const CURL = 'curl -o /opt/f https://h.test/f';
const PUT = 'put /opt/f https://h.test/f';

describe('a condition that what is known decides', () => {
  it.each<[lines: readonly string[], result: readonly string[]]>([
    [[`[ -f /opt/f ] || ${CURL}`], [PUT]],
    [[CURL, `[ -f /opt/f ] || curl -o /opt/f https://h.test/other`], [PUT]],
    [
      [CURL, `if [ ! -e /opt/f ]; then make; else ${WRITE} a; fi`],
      ['pip a', PUT],
    ],
    [
      [CURL, `[ -s /opt/f ] || make`],
      [PUT, 'run [ -s /opt/f ] || make'],
    ],
    [
      ['mkdir -p /w && cd /w', `[ -d /w ] && [ ! -d /w/x ] && git clone https://h.test/x /w/x`],
      ['put /w ""', 'put /w/x https://h.test/x'],
    ],
    [[`test -d /models -a ! -f /x || ${WRITE} a`], ['pip a']],
    [
      ['ln -s /opt/f /opt/l', `${CURL} && [ -f /opt/l ] && [ -L /opt/l ] && ${WRITE} a`],
      ['pip a', 'put /opt/l /opt/f', PUT],
    ],
    [
      [
        `command -v pget || curl -o /usr/local/bin/pget https://h.test/pget_$(uname -m) && chmod +x /usr/local/bin/pget`,
      ],
      ['put /usr/local/bin/pget 755 https://h.test/pget_{m}'],
    ],
    [
      [`[ -x /usr/local/bin/pget ] || curl -o /usr/local/bin/pget https://h.test/p`],
      ['put /usr/local/bin/pget https://h.test/p'],
    ],
    [
      ['curl -o /bin/pget https://h.test/p && chmod +x /bin/pget', `which pget || make`],
      ['put /bin/pget 755 https://h.test/p'],
    ],
    [[`[ 3 -gt 2 ] && [ a != b ] && [ -z "" ] && [ -n x ] && ${WRITE} a`], ['pip a']],
    [[`[ 1 -gt 2 ] && make; ${WRITE} a`], ['pip a']],
    [[`if ! ${WRITE} a; then ${WRITE} b; fi`], ['pip a']],
    [[`until ${CURL}; do sleep 5; done`], [PUT]],
    [[`while ! ${CURL}; do sleep 5; done`], [PUT]],
    [
      [`for i in 1 2; do if [ $i = 1 ]; then ${WRITE} a; elif [ $i = 2 ]; then ${WRITE} b; else make; fi; done`],
      ['pip a', 'pip b'],
    ],
    [[`V=v2; case $V in v1*) make;; v[0-9]|x) ${WRITE} a;; *) make;; esac`], ['pip a']],
    [[`case "a b" in "a b") ${WRITE} a;; esac`], ['pip a']],
    [
      ['f() { curl -o "/w/$1" "https://h.test/$1"; }; f a; f b'],
      ['put /w/a https://h.test/a', 'put /w/b https://h.test/b'],
    ],
    [
      ['f() { local d=${2:-/w}; wget -O $d/f "$1"; }; d=/q; f https://h.test/f && touch $d'],
      ['put /w/f https://h.test/f', 'run f() { local d=${2:-/w}; wget -O $d/f "$1"; } && d=/q && touch $d'],
    ],
    [[`grep -q a /b || true && ${WRITE} a`], ['pip a']],
    [[`grep -q avx2 /proc/cpuinfo && ${WRITE} a`], ['pip a']],
  ])('%j', (lines, result) => {
    expect(told(read(lines))).toEqual(result);
  });
});

describe('a question that nothing answers before the image is there makes a step of what depends on it', () => {
  it.each([
    `[ -f /etc/f ] || ${CURL}`,
    `[ -d /usr/local/cuda ] && ${WRITE} a; echo b`,
    `if [ -d /usr/lib/aarch64-linux-gnu ]; then ${WRITE} a; fi`,
    `if grep -q avx2 /proc/cpuinfo; then ${WRITE} a; else ${WRITE} b; fi`,
    `grep -q avx2 /proc/cpuinfo && ${WRITE} a || ${WRITE} b`,
    `nvidia-smi && ${WRITE} a; echo b`,
    `ls /nope && cd /opt; make`,
    `which x || ${CURL}`,
    `hash x || ${CURL}`,
    `command -v nvcc && apt-get install -y x; echo a`,
    `if command -v nvcc; then apt-get install -y x; fi`,
    `[ -n "$CUDA_HOME" ] && ${WRITE} a`,
    `[ a == a ] || ${WRITE} a`,
    `[[ -f /x ]] || ${WRITE} a`,
    `case $X in a) ${WRITE} a;; esac`,
    `case a in $X) ${WRITE} a;; esac`,
    `{ ${CURL}; grep -q a /opt/f; } && ${WRITE} a; echo b`,
    `{ ${CURL}; [ -f /g ]; }`,
    `[ -f /x ] && ${WRITE} a`,
    `! make && ${WRITE} a`,
    `while read f; do wget $f; done`,
    `set -- a b; ${WRITE} $1`,
    `pip show x && ${WRITE} y; echo`,
    `until grep a /b; do ${CURL}; done`,
  ])('%s', (line) => {
    expect(told(read([line]))).toEqual([`run ${line}`]);
  });

  it('after a step, in a tree, among weights, below an archive, and on an image of which nothing is known', () => {
    const line = `[ -f /opt/x/f ] || curl -o /opt/x/f https://h.test/f`;
    for (const before of [
      'make',
      'git clone https://h.test/x /opt/x',
      'hf download o/m --local-dir /opt/x',
      'curl -L https://h.test/x.tgz | tar xz -C /opt',
      'ln -s /elsewhere /opt/x',
    ])
      expect(told(read([before, line])).at(-1)).toBe(`run ${line}`);
    expect(told(read([line], { onImage: true }))).toEqual([`run ${line}`]);
    expect(told(read([line], { foreignArchives: true }))).toEqual([`run ${line}`]);
    expect(told(read([line], { files: [{ path: '/opt/x', whole: true }] }))).toEqual([`run ${line}`]);
    expect(told(read([line], { files: [{ path: '/opt/x/f', whole: false }] }))).toEqual([`run ${line}`]);
    const pget = 'command -v pget || curl -o /bin/pget https://h.test/p';
    expect(told(read([pget], { onImage: true }))).toEqual([`run ${pget}`]);
    expect(told(read([pget], { files: [{ path: '/usr/bin/pget', whole: false }] }))).toEqual([`run ${pget}`]);
  });
});

describe('what is installed when it is missing is asked for in any case', () => {
  it.each<[string, readonly string[]]>([
    ['command -v ffmpeg || apt-get install -y ffmpeg', ['apt ffmpeg']],
    ['which curl >/dev/null 2>&1 || (apt-get update && apt-get install -y curl)', ['apt curl']],
    ['if ! command -v git-lfs >/dev/null; then apt-get install -y git-lfs; fi', ['apt git-lfs']],
    ['! command -v x && apt-get install -y x; echo', ['apt x']],
    ['command -v curl || apt-get install -y curl && pip install a', ['pip a', 'apt curl']],
    ['pip show torch || pip install torch', ['pip torch']],
    ['pip list | grep -q torch || pip install torch', ['pip torch']],
  ])('%s', (line, result) => {
    expect(told(read([line]))).toEqual(result);
  });
});

describe('what depends on the processor', () => {
  it.each<[lines: readonly string[], result: readonly string[]]>([
    [
      [
        'case $(uname -m) in x86_64) A=amd64 ;; aarch64|arm64) A=arm64 ;; *) exit 1 ;; esac; curl -o /t https://h.test/t-$A',
      ],
      ['put /t https://h.test/t-amd64@amd64', 'put /t https://h.test/t-arm64@arm64'],
    ],
    [
      [
        'if [ "$(dpkg --print-architecture)" = arm64 ]; then apt-get install -y libgomp1; pip install "a; python_version > \'3\'"; fi',
      ],
      ['pip a ; (python_version > \'3\') and platform_machine == "aarch64"', 'apt libgomp1@arm64'],
    ],
    [
      ['curl -o /bin/t_$(uname -m) https://h.test/t_$(uname -m)'],
      ['put /bin/t_x86_64 https://h.test/t_{m}@amd64', 'put /bin/t_aarch64 https://h.test/t_{m}@arm64'],
    ],
    [
      ['case $(uname -m) in x86_64) A=amd64;; *) A=arm64;; esac; make $A', 'pip install b'],
      ['pip b', "run A='amd64' && make $A@amd64", "run A='arm64' && make $A@arm64"],
    ],
    [
      ['pip install https://h.test/x-1-py3-none-linux_$(uname -m).whl'],
      [
        'pip https://h.test/x-1-py3-none-linux_x86_64.whl ; platform_machine == "x86_64"',
        'pip https://h.test/x-1-py3-none-linux_aarch64.whl ; platform_machine == "aarch64"',
      ],
    ],
    [
      ['[ "$(uname -m)" = x86_64 ] || make', 'curl -o /f https://h.test/f'],
      ['put /f https://h.test/f@amd64', 'put /f https://h.test/f@arm64', 'run make@arm64'],
    ],
    [
      ['case $(uname -m) in x86_64) pip install --pre a;; esac', 'pip install b'],
      ['pip b', 'run case $(uname -m) in x86_64) pip install --pre a;; esac'],
    ],
    [['[ $(uname -m) = x86_64 ] && hf download o/m; true'], ['run [ $(uname -m) = x86_64 ] && hf download o/m; true']],
  ])('%j', (lines, result) => {
    expect(told(read(lines))).toEqual(result);
  });
});

it.each<[string, readonly string[]]>([
  ["printf '%s\\n' a b > /etc/x", ['put /etc/x "a\\nb\\n"']],
  ['printf "i=%s\\n" https://h.test | sudo tee /etc/pip.conf > /dev/null', ['put /etc/pip.conf "i=https://h.test\\n"']],
  ['tee /etc/x <<EOF\na\nEOF', ['put /etc/x "a\\n"']],
  ['echo aGVsbG8K | base64 -d > /etc/x', ['put /etc/x "hello\\n"']],
  ['echo /w== | base64 -d > /etc/x', ['run echo /w== | base64 -d > /etc/x']],
  ['echo aGVs bG8K | base64 -d > /etc/x', ['run echo aGVs bG8K | base64 -d > /etc/x']],
  ['V=1.2.3; wget -O /x "https://h.test/${V%.*}/${V##*.}/${V#1.}/${V:+y}"', ['put /x https://h.test/1.2/3/2.3/y']],
  [
    'V=a-b-c; wget -O /x "https://h.test/${V%%-*}/$(basename /q/r.tar .tar)/$(dirname a/b)"',
    ['put /x https://h.test/a/r/a'],
  ],
  ['wget -O /x "https://h.test/${V:-1}"', ['run wget -O /x "https://h.test/${V:-1}"']],
  ['V=1; unset V; wget -O /x https://h.test/$V', ['run V=1 && unset V && wget -O /x https://h.test/$V']],
  ['export A=x; for f in a b; do B=$f; done; make', ["run export A=x && f='b' && B='b' && make"]],
  ['ls /nope && cd /x; make', ['run make']],
  [
    'mkdir "/it\'s"; f() { cd "$1"; }; f "/it\'s" && make',
    ['put /it\'s ""', "run f() { cd \"$1\"; } && cd '/it'\\''s' && make"],
  ],
])('text, variables and what a later step is told: %s', (line, result) => {
  expect(told(read([line]))).toEqual(result);
});
