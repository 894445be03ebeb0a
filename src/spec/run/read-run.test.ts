import { describe, expect, it } from 'vitest';
import { readRun } from './read-run.ts';
import { MACHINE } from './run-reading.ts';

const PGET = 'https://github.com/replicate/pget/releases';

const read = (...commands: readonly string[]) =>
  readRun(commands.map((command) => ({ command, mounts: [], where: { file: 'cog.yaml' } })));

/** Classes of all parts, in order. */
const classes = (...commands: readonly string[]) =>
  read(...commands)
    .commands.flatMap(({ parts }) => parts.map((part) => part.class))
    .join(' ');

const placed = (...commands: readonly string[]) =>
  read(...commands).placements.map(({ path, kind, mode, url, text, target, git, unpack }) => {
    const what =
      url ??
      text ??
      target ??
      (git && `${git.url}@${git.ref ?? ''}${git.submodules ? '+sub' : ''}${git.lfs === false ? '-lfs' : ''}`);
    return [path, kind, mode?.toString(8), what, unpack && `${unpack.format} -${unpack.strip}`]
      .filter((item) => item !== undefined)
      .join(' ');
  });

describe('files', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    [
      'pget in one line',
      [`curl -o /usr/local/bin/pget -L "${PGET}/download/v0.8.2/pget_linux_x86_64" && chmod +x /usr/local/bin/pget`],
      [`/usr/local/bin/pget file 755 ${PGET}/download/v0.8.2/pget_linux_x86_64`],
    ],
    [
      'pget in two lines',
      [`curl -o /usr/local/bin/pget -L "${PGET}/download/v0.1.1/pget"`, 'chmod +x /usr/local/bin/pget'],
      [`/usr/local/bin/pget file 755 ${PGET}/download/v0.1.1/pget`],
    ],
    [
      'pget for the machine',
      [`curl -o /usr/local/bin/pget -L "${PGET}/latest/download/pget_$(uname -s)_$(uname -m)"`],
      [`/usr/local/bin/pget file ${PGET}/latest/download/pget_Linux_${MACHINE}`],
    ],
    ['a fragment is not part of what is asked', [`curl -o /b -L "${PGET}/x#cacheburst"`], [`/b file ${PGET}/x`]],
    ['curl and its standard output', ['curl -sSL https://h.test/f > /opt/f'], ['/opt/f file https://h.test/f']],
    [
      'curl -O below a folder',
      ['mkdir -p /w && cd /w && curl -fsSLO https://h.test/a/f.bin?x=1'],
      ['/w directory', '/w/f.bin file https://h.test/a/f.bin?x=1'],
    ],
    ['wget', ['wget https://h.test/a/f.bin'], ['/f.bin file https://h.test/a/f.bin']],
    [
      'wget -P',
      ["wget -c 'https://h.test/m.pth' -P /root/.cache/m/"],
      ['/root/.cache/m/m.pth file https://h.test/m.pth'],
    ],
    [
      'wget by long options',
      ['wget -nv --output-document "/c/m.pth" "https://h.test/m.pth"'],
      ['/c/m.pth file https://h.test/m.pth'],
    ],
    ['a variable of the command', ['V=1.2; curl -L -o /t https://h.test/$V/t'], ['/t file https://h.test/1.2/t']],
    ['octal modes', ['wget -O /b https://h.test/b && chmod 700 /b'], ['/b file 700 https://h.test/b']],
    [
      'moved, copied, removed',
      ['wget -O /a https://h.test/a && mv /a /usr/bin/ && cp /usr/bin/a /usr/bin/b && rm /usr/bin/a'],
      ['/usr/bin/b file https://h.test/a'],
    ],
    [
      'links',
      ['wget -O /opt/tool https://h.test/t', 'ln -s /opt/tool /usr/local/bin/tool', 'ln -sf /opt/tool /usr/bin'],
      ['/opt/tool file https://h.test/t', '/usr/local/bin/tool symlink /opt/tool', '/usr/bin/tool symlink /opt/tool'],
    ],
    [
      'text',
      ['mkdir /d && echo "a  b" > /d/f && echo c >> /d/f && touch /d/g'],
      ['/d directory', '/d/f file a  b\nc\n', '/d/g file '],
    ],
    [
      'a zip, then removed',
      ['wget -O /n.zip https://h.test/n.zip && unzip -q /n.zip -d /usr/local/bin && rm /n.zip'],
      ['/usr/local/bin directory https://h.test/n.zip zip -0'],
    ],
    [
      'a tar',
      ['curl -L -o /t.tgz https://h.test/t && tar -xzf /t.tgz --strip-components=1 -C /opt'],
      ['/t.tgz file https://h.test/t', '/opt directory https://h.test/t tar.gz -1'],
    ],
    [
      'a tar without dash',
      ['wget https://h.test/t.tar.bz2 && tar xjf t.tar.bz2'],
      ['/t.tar.bz2 file https://h.test/t.tar.bz2', '/ directory https://h.test/t.tar.bz2 tar.bz2 -0'],
    ],
    [
      'a tar from a pipe',
      ['curl -fsSL https://h.test/t.tar.xz | tar -xJ -C /opt'],
      ['/opt directory https://h.test/t.tar.xz tar.xz -0'],
    ],
    [
      'one compressed file',
      ['wget -O /c/x.dat.bz2 https://h.test/x.dat.bz2', 'cd /c && bzip2 -dk x.dat.bz2'],
      ['/c/x.dat.bz2 file https://h.test/x.dat.bz2', '/c/x.dat file https://h.test/x.dat.bz2 bz2 -0'],
    ],
  ])('%s', (_, commands, expected) => {
    expect(classes(...commands)).not.toContain('step');
    expect(placed(...commands)).toEqual(expected);
  });
});

describe('git trees', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['the default branch', ['git clone https://h.test/o/r.git /r'], ['/r directory https://h.test/o/r.git@']],
    ['a branch', ['git clone --depth 1 --branch v2 https://h.test/o/r'], ['/r directory https://h.test/o/r@v2']],
    [
      'a commit checked out',
      ['git clone https://h.test/o/r.git && cd r && git checkout 60d796825e1266e56f7e4e9e00e88de662b67bd3'],
      ['/r directory https://h.test/o/r.git@60d796825e1266e56f7e4e9e00e88de662b67bd3'],
    ],
    [
      'a checkout in a later line',
      ['git clone https://h.test/o/r.git a/r', 'cd a/r && git checkout v1'],
      ['/a/r directory https://h.test/o/r.git@v1'],
    ],
    [
      'submodules',
      [
        'git clone --recursive https://h.test/o/r',
        'git clone https://h.test/o/s && cd s && git submodule update --init',
      ],
      ['/r directory https://h.test/o/r@+sub', '/s directory https://h.test/o/s@+sub'],
    ],
    [
      'LFS pointers',
      ['git lfs install', 'GIT_LFS_SKIP_SMUDGE=1 git clone https://h.test/o/m'],
      ['/m directory https://h.test/o/m@-lfs'],
    ],
  ])('%s', (_, commands, expected) => {
    expect(classes(...commands)).not.toContain('step');
    expect(placed(...commands)).toEqual(expected);
  });

  it('are installed as what they are a tree of', () => {
    const reading = read(
      'git clone https://h.test/o/r.git && cd r && git checkout v1 && pip install -e .',
      'git clone https://h.test/o/s sub/s',
      'pip3 install sub/s',
      'pip install -r /r/requirements.txt',
    );
    expect(reading.requirements.map(({ value }) => value)).toEqual([
      'git+https://h.test/o/r.git@v1',
      'git+https://h.test/o/s',
    ]);
    expect(reading.treeRequirements).toMatchObject([{ git: { ref: 'v1' }, path: 'requirements.txt' }]);
    expect(reading.steps).toEqual([]);
  });
});

describe('packages', () => {
  it.each<[string, readonly string[]]>([
    ['pip install --no-cache-dir -U "a>=1" b==2', ['a>=1', 'b==2']],
    ['python -m pip install -q a', ['a']],
    ['pip3.11 install a[x,y]', ['a[x,y]']],
    ['uv pip install --system a', ['a']],
    ['sudo pip install a', ['a']],
    ["mim install 'mmengine>=0.6.0'", ['mmengine>=0.6.0']],
    ['--mount=type=cache,target=/root/.cache/pip pip install a', ['a']],
    ['FLASH_ATTENTION_SKIP_CUDA_BUILD=TRUE pip install flash-attn --no-build-isolation', ['flash-attn']],
    [
      'pip install torch==2.1.0+cu121 --index-url https://h.test/cu121',
      ['--extra-index-url https://h.test/cu121', 'torch==2.1.0+cu121'],
    ],
    ['pip install --pre a -f https://h.test/w.html', ['--pre', '--find-links https://h.test/w.html', 'a']],
    ['pip install git+https://h.test/o/r@main#egg=r', ['git+https://h.test/o/r@main#egg=r']],
    ['pip install -e "git+https://h.test/o/r@b#egg=R"', ['git+https://h.test/o/r@b#egg=R']],
    ['pip install "n @ git+https://h.test/o/r@abc"', ['n @ git+https://h.test/o/r@abc']],
    ['pip install https://h.test/p-1.0-py3-none-any.whl', ['https://h.test/p-1.0-py3-none-any.whl']],
    ['bash -c "pip install a"', ['a']],
    ['pip install a || echo failed', ['a']],
    ['pip install a > /dev/null 2>&1', ['a']],
  ])('%s', (command, lines) => {
    const reading = read(command);
    expect(reading.steps).toEqual([]);
    expect(reading.requirements.map(({ value }) => value)).toEqual(lines);
  });

  it("leave out the cog module, whose place is cogplan's, and say so once", () => {
    const reading = read(
      'pip install cog==0.10.0',
      'pip install "cog>=0.9" numpy cog-thing',
      'pip install git+https://github.com/replicate/cog.git@abc',
      'pip uninstall -y cog',
    );
    expect(reading.requirements.map(({ value }) => value)).toEqual(['numpy', 'cog-thing']);
    expect(reading.warnings).toEqual([]);
    const whys = reading.commands.flatMap(({ parts }) => parts.map(({ class: kind, why }) => `${kind}: ${why}`));
    expect(whys).toEqual([
      'none: the image gets its cog from cogplan, whatever is installed here',
      'python: locked with the requirements: numpy, cog-thing; cog>=0.9 is left out: the image gets its cog from cogplan, whatever is installed here',
      'none: the image gets its cog from cogplan, whatever is installed here',
      'none: the image gets its cog from cogplan, whatever is installed here',
    ]);
  });

  it('mark what is installed without what it needs', () => {
    const reading = read(
      'pip install a',
      'pip install --no-deps b c==1.0 --index-url https://h.test/simple',
      'git clone https://h.test/o/r.git /r && pip install --no-deps -r /r/requirements.txt',
    );
    expect(reading.requirements.map(({ value, noDeps }) => [value, noDeps])).toEqual([
      ['a', undefined],
      ['--extra-index-url https://h.test/simple', true],
      ['b', true],
      ['c==1.0', true],
    ]);
    expect(reading.treeRequirements).toMatchObject([{ path: 'requirements.txt', noDeps: true }]);
    expect(reading.commands[1]?.parts.map(({ why }) => why)).toEqual([
      'locked with the requirements, without what they need: --extra-index-url https://h.test/simple, b, c==1.0',
    ]);
  });

  it('hand settings of builds to the packages of their line, and to no other', () => {
    const reading = read(
      'pip install -C a=1 --config-settings "b=x y" --global-option=--fast one two',
      'pip install three',
    );
    const settings = ' --config-settings a=1 --config-settings "b=x y" --global-option --fast';
    expect(reading.requirements.map(({ value }) => value)).toEqual([`one${settings}`, `two${settings}`, 'three']);
  });

  it('says that an unquoted > is no version', () => {
    const reading = read('pip install xformers>=0.0.22');
    expect(reading.requirements.map(({ value }) => value)).toEqual(['xformers']);
    expect(reading.warnings[0]?.value).toContain('quote');
  });

  it('of Debian join the system packages', () => {
    const reading = read(
      'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ffmpeg libgl1=1.6.0-1 && rm -rf /var/lib/apt/lists/* && apt-get clean',
    );
    expect(reading.systemPackages.map(({ value }) => value)).toEqual(['ffmpeg', 'libgl1=1.6.0-1']);
  });

  it('of Debian with what they recommend, where the command says so', () => {
    const { systemPackages } = read('apt-get install -y --install-recommends ffmpeg');
    expect(systemPackages.map(({ value }) => value)).toEqual(['--install-recommends', 'ffmpeg']);
  });

  it('of the hub are weights', () => {
    expect(read('huggingface-cli download o/m --local-dir ./m --revision r').weights).toMatchObject([
      { uri: 'hf://o/m@r', path: '/m' },
    ]);
  });
});

it.each([
  'echo "Building..."',
  'echo $HOME',
  "echo 'export A=1' >> /root/.bashrc",
  'echo "export A=1" >> ~/.bashrc',
  'export A=b:$PATH && export C=1',
  'pip install --upgrade pip',
  'pip uninstall -y a',
  'git lfs install',
  'git config --global http.postBuffer 1',
  'apt-get update -y',
  'rm -rf /root/.cache/pip /tmp/x',
  'nvcc --version',
  'ln -sf $(which echo) $(which pip)',
  'set -ex',
])('without effect: %s', (command) => {
  expect(classes(command)).toMatch(/^none(?: none)*$/);
  expect(read(command).placements).toEqual([]);
});

describe('what is not surely understood becomes a step', () => {
  it.each([
    ['make -j4', 'make is a program to run'],
    ['sed -i s/a/b/ /f', 'sed is a program'],
    ['python -c "import x; x.load()"', 'program to run'],
    ['curl https://h.test/s.sh | bash', 'a pipe'],
    ['curl -d x=1 -o /f https://h.test/', 'curl with -d'],
    ['curl -H "Authorization: t" -o /f https://h.test/', 'curl with -H'],
    ['curl -o /f \\"https://h.test/f\\"', 'is not a URL'],
    ['wget https://h.test/a -O /f -q https://h.test/b', '2 URLs'],
    ['wget https://h.test/', 'the server names the file'],
    ['wget -i /list', 'wget with -i'],
    ['curl -o /f "https://h.test/[1-3]"', 'braces and brackets'],
    ['curl -o /f file:///etc/passwd', 'only http'],
    ['chmod +x /usr/bin/x', 'no line before it placed'],
    ['rm -f /usr/lib/libcudnn*', 'only the shell can expand'],
    ["bash -c 'ln -s /a/lib{nv,cu}* /usr/lib'", 'braces'],
    ['bash -c "pip install a; make"', 'several commands'],
    ['ln -s /a $(python -c "print(1)")', 'only the shell can expand'],
    ['ln /a /b', 'a hard link'],
    ['mv /etc/a /etc/b', 'no line before it placed'],
    ['echo x > $F', 'a redirection'],
    ['echo x >> /etc/hosts', 'not known'],
    ['echo "a\\nb" > /f', 'differs between shells'],
    ['touch /etc/x', 'not known'],
    ['tar xzf /t.tgz', 'no line before it fetched'],
    ['unzip a.zip b.txt', 'single members'],
    ['git clone git@h.test:o/r.git', 'http and https'],
    ['git clone --upload-pack=x https://h.test/r', 'git clone with'],
    ['git checkout v1', 'no tree'],
    ['apt-get remove -y x', 'apt remove'],
    ['apt-get install -y ./x.deb', 'not the name'],
    ['apt-get install -y $PKGS', 'only the shell can expand'],
    ['pip install -t /x a', 'pip install with -t'],
    ['pip install -e /elsewhere', 'no line before it placed'],
    ['pip download a', 'pip download'],
    ['mim install mmcv', 'mim looks'],
    ['conda install -y a', 'not locked'],
    ['hf download o/m --include "*.bin" --cache-dir /c', 'a cache of its own'],
    ['for i in $LIST; do pip install a; done', 'a for statement'],
    ['if grep -q a /b; then pip install a; fi', 'an if statement'],
    ['(pip install a && make)', 'a subshell statement: make'],
    ['! pip install a', 'turned round'],
    ['! make && pip install a', 'make is a program'],
    ['pip install a &', 'syntax'],
    ['pip install "a', 'syntax'],
    ['cat <(echo x)', 'syntax'],
    ['[[ a == a ]] && pip install a', 'program to run'],
    ['pip() { rm -rf /; }; pip install a', 'function'],
    ['alias pip=true; pip install a', 'program to run'],
    ['eval "pip install a"', 'program to run'],
  ])('%s', (command, why) => {
    const reading = read(command);
    expect(reading.steps).toHaveLength(1);
    expect(reading.requirements).toEqual([]);
    expect(reading.steps[0]?.why).toMatch(new RegExp(why));
  });

  it('from the first such part on, with the folder and variables it is in', () => {
    const reading = read('pip install a && export N=1 && cd /opt && make && pip install b');
    expect(reading.requirements.map(({ value }) => value)).toEqual(['a']);
    expect(reading.steps.map(({ command }) => command)).toEqual(['export N=1 && cd /opt && make && pip install b']);
  });

  it('and what came before it is not known any more', () => {
    const reading = read('wget -O /a.tar https://h.test/a.tar', 'make', 'tar xf /a.tar');
    expect(reading.placements.map(({ path, order }) => [path, order])).toEqual([['/a.tar', 0]]);
    expect(reading.steps.map(({ command, order }) => [command, order])).toEqual([
      ['make', 1],
      ['tar xf /a.tar', 2],
    ]);
  });

  it('with secrets always, by either spelling', () => {
    const [one] = readRun([
      { command: 'pip install a', mounts: [{ type: 'secret', id: 't', target: '/t' }], where: { file: '' } },
    ]).steps;
    expect(one?.secrets).toEqual([{ id: 't', target: '/t' }]);
    expect(read('--mount=type=secret,id=t pip install a').steps[0]).toMatchObject({
      command: 'pip install a',
      secrets: [{ id: 't', target: '/run/secrets/t' }],
    });
  });
});

it('bounded input stays bounded', () => {
  expect(() => read(`echo ${'$('.repeat(5000)}`)).not.toThrow();
  expect(() => read('a '.repeat(100_000))).not.toThrow();
});
