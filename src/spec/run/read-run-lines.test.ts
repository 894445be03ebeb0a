import { expect, it } from 'vitest';
import { readRun } from './read-run.ts';

/** Commands as projects write them, and everything that each comes to: the classes of its parts first, then packages, what is put where, weights, steps with their reason, and warnings. */
const LINES: readonly (readonly [command: string, result: readonly string[]])[] = [
  ['echo a >> /w/z; printf b >> /w/z', ['file file', 'put /w/z "a\\nb"']],
  ['cd /nope || mkdir -p /nope', ['none file', 'put /nope dir']],
  ['cd /nope && pip install a; pip install b', ['none none python', 'pip b']],
  [
    'cd /nope && pip install a',
    [
      'step',
      'run cd /nope && pip install a # it does not succeed: /nope is no directory',
      'warn pip install is run as it stands (it does not succeed: /nope is no directory), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    'wget https://h.test/a && wget https://g.test/a && wget -nc https://f.test/a && wget -O a https://e.test/a',
    ['file file none file', 'put /a https://h.test/a', 'put /a.1 https://g.test/a', 'put /a https://e.test/a'],
  ],
  [': > /opt/empty && > /opt/other', ['file file', 'put /opt/empty ""', 'put /opt/other ""']],
  ['set > /opt/x', ['step', 'run set > /opt/x # its output goes to a file']],
  [
    'apt-get install -y -t bookworm-backports ffmpeg sox=1.0',
    ['system', 'apt ffmpeg/bookworm-backports', 'apt sox=1.0'],
  ],
  [
    'PIP_INDEX_URL=https://h.test/simple PIP_NO_CACHE_DIR=1 pip install a',
    ['python', 'pip --extra-index-url https://h.test/simple', 'pip a'],
  ],
  [
    'export PIP_EXTRA_INDEX_URL="https://h.test/a https://h.test/b" && pip install a',
    ['none python', 'pip --extra-index-url https://h.test/a', 'pip --extra-index-url https://h.test/b', 'pip a'],
  ],
  [
    'PIP_TARGET=/opt/x pip install a',
    [
      'step',
      'run PIP_TARGET=/opt/x pip install a # pip install with PIP_TARGET',
      'warn pip install is run as it stands (pip install with PIP_TARGET), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    'pip config set global.index-url https://h.test/simple && pip config set global.timeout 60',
    ['python none', 'pip --extra-index-url https://h.test/simple'],
  ],
  [
    'pip config set global.target /opt',
    ['step', 'run pip config set global.target /opt # pip config set global.target'],
  ],
  [
    'echo "[global]" > /etc/pip.conf',
    [
      'file',
      'put /etc/pip.conf "[global]\\n"',
      'warn what /etc/pip.conf says is not read when packages are locked: write --extra-index-url among the requirements',
    ],
  ],
  [
    'FORCE_CUDA=1 pip install git+https://h.test/o/r',
    [
      'python',
      'pip git+https://h.test/o/r',
      'warn FORCE_CUDA is not set where packages are built from source: pass settings by --config-settings',
    ],
  ],
  ['wget --retry-connrefused -N https://h.test/a', ['file', 'put /a https://h.test/a']],
  [
    'curl --retry 5 --retry-all-errors --tlsv1.2 -fsSLo /bin/yq https://h.test/yq && chmod +x /bin/yq',
    ['file file', 'put /bin/yq 755 https://h.test/yq'],
  ],
  ['hf download a/b --local-dir /m/b && rm -rf /m/b/.cache', ['weights none', 'weights hf://a/b /m/b']],
  [
    'set -e\napt-get update\napt-get install -y --no-install-recommends git ffmpeg\nrm -rf /var/lib/apt/lists/*\n',
    ['none none system none', 'apt git', 'apt ffmpeg'],
  ],
  ['#!/bin/bash\nset -euxo pipefail\npip install a\n', ['none python', 'pip a']],
  [
    'apt-get update && \\\n  apt-get install -y \\\n    libgl1 \\\n    libglib2.0-0 && \\\n  apt-get clean && rm -rf /var/lib/apt/lists/* /tmp/* ~/.cache',
    ['none system none none', 'apt libgl1', 'apt libglib2.0-0'],
  ],
  ['cat > /etc/foo.conf <<EOF\nkey=value\nEOF', ['file', 'put /etc/foo.conf "key=value\\n"']],
  ["cat <<'EOF' > /etc/foo.conf\nkey=$value *\nEOF", ['file', 'put /etc/foo.conf "key=$value *\\n"']],
  ['cat <<EOF | tee /etc/x\nfoo\nEOF', ['file', 'put /etc/x "foo\\n"']],
  [
    'V=2; cat > /x <<EOF\nv=$V $UNKNOWN\nEOF',
    ['none step', 'run V=2 && cat > /x <<EOF\nv=$V $UNKNOWN\nEOF # a redirection'],
  ],
  ['python - <<EOF\nprint(1)\nEOF', ['step', 'run python - <<EOF\nprint(1)\nEOF # a redirection']],
  ['bash -c "apt-get update && apt-get install -y ffmpeg"', ['system', 'apt ffmpeg']],
  [
    "sh -c 'pip install a && make'",
    [
      'step',
      "run sh -c 'pip install a && make' # sh runs several commands: make is a program to run",
      'warn pip install is run as it stands (sh runs several commands: make is a program to run), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    "V=1; bash -c 'pip install a==$V'",
    [
      'none step',
      "run V=1 && bash -c 'pip install a==$V' # a word that only the shell can expand",
      'warn pip install is run as it stands (a word that only the shell can expand), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  ['if [ ! -d /opt/x ]; then git clone https://h.test/x /opt/x; fi', ['git', 'put /opt/x https://h.test/x@']],
  [
    'if [ "$(uname -m)" = "x86_64" ]; then pip install a; else pip install b; fi',
    ['python@amd64 python@arm64', 'pip a ; platform_machine == "x86_64"', 'pip b ; platform_machine == "aarch64"'],
  ],
  ['[ -f /x ] || curl -o /x https://h.test/x', ['none file', 'put /x https://h.test/x']],
  [
    'for p in a "b==1.*" c; do pip install $p; done',
    [
      'step',
      'run for p in a "b==1.*" c; do pip install $p; done # a for statement: a word that only the shell can expand',
      'warn pip install is run as it stands (a for statement: a word that only the shell can expand), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    'mkdir -p /w && for f in a.bin b.bin; do wget -q -P /w "https://h.test/$f"; done && chmod 644 /w/a.bin',
    ['file file file', 'put /w dir', 'put /w/a.bin 644 https://h.test/a.bin', 'put /w/b.bin https://h.test/b.bin'],
  ],
  [
    'for f in *.whl; do pip install $f; done',
    [
      'step',
      'run for f in *.whl; do pip install $f; done # a for statement: a word that only the shell can expand',
      'warn pip install is run as it stands (a for statement: a word that only the shell can expand), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    '(cd /opt && wget https://h.test/x) && wget https://h.test/y',
    ['file file', 'put /opt/x https://h.test/x', 'put /y https://h.test/y'],
  ],
  ['{ pip install a; pip install b; }', ['python', 'pip a', 'pip b']],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
  ['VERSION=1.2.3 && curl -L -o /t https://h.test/v${VERSION}/t', ['none file', 'put /t https://h.test/v1.2.3/t']],
  [
    'ARCH=$(dpkg --print-architecture) && curl -sSL -o /t https://h.test/t && chmod 0755 /t',
    ['none file file', 'put /t 755 https://h.test/t'],
  ],
  [
    'curl -fsSL https://deb.nodesource.com/setup_18.x | bash -',
    [
      'step',
      'run curl -fsSL https://deb.nodesource.com/setup_18.x | bash - # a pipe: it runs what it fetches, for which the step needs network: recorded',
    ],
  ],
  [
    'curl -LsSf https://astral.sh/uv/install.sh | sh',
    [
      'step',
      'run curl -LsSf https://astral.sh/uv/install.sh | sh # a pipe: it runs what it fetches, for which the step needs network: recorded',
    ],
  ],
  ['wget -qO- https://h.test/t.tar.gz | tar xz -C /opt', ['file', 'put /opt https://h.test/t.tar.gz tar.gz-0']],
  [
    'wget -qO - https://h.test/key.gpg | gpg --dearmor > /usr/share/keyrings/x.gpg',
    [
      'none',
      'warn the key of a package archive of apt is not read: name the archive and its key under archives in cogplan.yaml',
    ],
  ],
  [
    'curl -fsSL https://h.test/key.asc | gpg --dearmor -o /usr/share/keyrings/x.gpg && echo "deb [signed-by=/usr/share/keyrings/x.gpg] https://h.test/debian stable main" > /etc/apt/sources.list.d/x.list && apt-get update && apt-get install -y tool',
    [
      'none none none system',
      'apt tool',
      'warn the key of a package archive of apt is not read: name the archive and its key under archives in cogplan.yaml',
      'warn a package archive of apt is not read: name the archive and its key under archives in cogplan.yaml',
    ],
  ],
  [
    'wget -qO- https://h.test/key | apt-key add -',
    [
      'none',
      'warn the key of a package archive of apt is not read: name the archive and its key under archives in cogplan.yaml',
    ],
  ],
  [
    'echo "deb https://h.test/debian stable main" | tee -a /etc/apt/sources.list > /dev/null',
    ['none', 'warn a package archive of apt is not read: name the archive and its key under archives in cogplan.yaml'],
  ],
  [
    'add-apt-repository -y ppa:deadsnakes/ppa && apt-get update && apt-get install -y python3.11',
    [
      'none none system',
      'apt python3.11',
      'warn add-apt-repository: a package archive of apt is not read: name the archive and its key under archives in cogplan.yaml',
    ],
  ],
  ['ln -sf /usr/bin/python3 /usr/bin/python', ['file', 'put /usr/bin/python /usr/bin/python3']],
  ['pip install -U pip setuptools wheel', ['python', 'pip setuptools', 'pip wheel']],
  [
    'pip install "x[extra]>=1,<2" --index-url https://h.test/simple',
    ['python', 'pip --extra-index-url https://h.test/simple', 'pip x[extra]>=1,<2'],
  ],
  ['pip install torch==2.1.* "numpy<2"', ['python', 'pip torch==2.1.*', 'pip numpy<2']],
  ['pip install a 2>&1 | tail -5', ['python', 'pip a']],
  ['yes | pip uninstall a', ['none', 'warn pip uninstall has no effect: leave a out of the requirements']],
  ['echo y | pip uninstall a', ['none', 'warn pip uninstall has no effect: leave a out of the requirements']],
  ['env A=1 pip install a', ['python', 'pip a']],
  ['sudo -H pip install a', ['python', 'pip a']],
  ['time pip install a', ['python', 'pip a']],
  ['nohup python x.py', ['step', 'run nohup python x.py # python is a program to run']],
  ['uv pip install --system -r /src/requirements.txt', ['python', 'pip -r requirements.txt']],
  [
    'uv venv && uv pip install a',
    [
      'step',
      'run uv venv && uv pip install a # uv other than uv pip',
      'warn pip install is run as it stands (uv other than uv pip), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    'conda install -y -c conda-forge ffmpeg',
    [
      'step',
      'run conda install -y -c conda-forge ffmpeg # packages of conda are not locked: take them from PyPI or Debian',
    ],
  ],
  ['npm install -g pnpm', ['step', 'run npm install -g pnpm # npm is a program to run']],
  [
    'git lfs install && git clone --depth 1 --branch v1 https://h.test/o/m /m',
    ['none git', 'put /m https://h.test/o/m@v1'],
  ],
  ['git lfs clone https://h.test/o/m', ['git', 'put /m https://h.test/o/m@']],
  [
    'git clone -b main --single-branch https://h.test/o/r && cd r && git submodule update --init --recursive && pip install -e .',
    ['git none git python', 'pip git+https://h.test/o/r@main', 'put /r https://h.test/o/r@main+sub'],
  ],
  [
    'git clone https://h.test/o/r && cd r && git checkout abc && python setup.py install',
    ['git none git python', 'pip git+https://h.test/o/r@abc', 'put /r https://h.test/o/r@abc'],
  ],
  [
    'git clone https://h.test/o/r && cd r && python setup.py develop',
    ['git none python', 'pip git+https://h.test/o/r', 'put /r https://h.test/o/r@'],
  ],
  [
    'git clone https://h.test/o/r && cd r && python setup.py build_ext --inplace',
    [
      'git none step',
      'put /r https://h.test/o/r@',
      'run cd r && python setup.py build_ext --inplace # python is a program to run',
    ],
  ],
  [
    'git clone https://h.test/o/r.git && cd r && make -j$(nproc) && make install && ldconfig',
    [
      'git none step',
      'put /r https://h.test/o/r.git@',
      'run cd r && make -j$(nproc) && make install && ldconfig # a word that only the shell can expand',
    ],
  ],
  [
    'git clone https://h.test/o/r && cp -r r/x /opt/x',
    ['git step', 'put /r https://h.test/o/r@', 'run cp -r r/x /opt/x # it takes r/x, which no line before it placed'],
  ],
  [
    'cd /tmp && wget https://h.test/x-1.tar.gz && tar xf x-1.tar.gz && cd x-1 && ./configure && make && make install && rm -rf /tmp/x-1*',
    [
      'none file file none step',
      'put /tmp/x-1.tar.gz https://h.test/x-1.tar.gz',
      'put /tmp https://h.test/x-1.tar.gz tar.gz-0',
      'run cd /tmp && cd x-1 && ./configure && make && make install && rm -rf /tmp/x-1* # ./configure is a program to run',
    ],
  ],
  ['ldconfig', ['step', 'run ldconfig # ldconfig is a program to run']],
  [
    'apt-get install -y locales && locale-gen en_US.UTF-8',
    ['system step', 'apt locales', 'run locale-gen en_US.UTF-8 # locale-gen is a program to run'],
  ],
  [
    'sed -i "s/foo/bar/" /usr/local/lib/python3.11/site-packages/x/y.py',
    ['step', 'run sed -i "s/foo/bar/" /usr/local/lib/python3.11/site-packages/x/y.py # sed is a program to run'],
  ],
  ['echo "export PATH=/x:$PATH" >> ~/.bashrc', ['none']],
  ['echo "$(date)" >> ~/.bashrc', ['step', 'run echo "$(date)" >> ~/.bashrc # a word that only the shell can expand']],
  [
    'python -c "import nltk; nltk.download(\'punkt\')"',
    [
      'step',
      'run python -c "import nltk; nltk.download(\'punkt\')" # it runs Python that fetches, for which the step needs network: recorded',
    ],
  ],
  [
    'python -m spacy download en_core_web_sm',
    [
      'step',
      'run python -m spacy download en_core_web_sm # it runs Python that fetches, for which the step needs network: recorded',
    ],
  ],
  [
    'python3 -c "from transformers import AutoModel; AutoModel.from_pretrained(\'gpt2\')"',
    [
      'step',
      'run python3 -c "from transformers import AutoModel; AutoModel.from_pretrained(\'gpt2\')" # it runs Python that fetches, for which the step needs network: recorded',
    ],
  ],
  [
    'python -c "import torch; print(torch.__version__)"',
    ['step', 'run python -c "import torch; print(torch.__version__)" # python is a program to run'],
  ],
  [
    'huggingface-cli download o/m model.safetensors sub/c.json --local-dir /src/m --local-dir-use-symlinks False',
    ['weights', 'weights hf://o/m /src/m /model.safetensors,/sub/c.json'],
  ],
  [
    'hf download o/d --repo-type dataset --include "*.json" --exclude "x/*" --revision v1 --local-dir /d',
    ['weights', 'weights hf://datasets/o/d@v1 /d *.json x/*'],
  ],
  ['huggingface-cli login --token abc', ['none']],
  [
    'playwright install --with-deps chromium',
    [
      'step',
      'run playwright install --with-deps chromium # playwright is a program to run; it needs network: recorded',
    ],
  ],
  [
    'mim install mmcv-full',
    ['step', 'run mim install mmcv-full # mim looks for wheels by the versions that it finds installed'],
  ],
  ['mim install "mmdet>=3.0"', ['python', 'pip mmdet>=3.0']],
  [
    'gdown https://drive.google.com/uc?id=ABC -O /src/x.pth',
    [
      'step',
      'run gdown https://drive.google.com/uc?id=ABC -O /src/x.pth # gdown is a program to run; Google Drive names no files by address: put the file on another host, or into the project',
    ],
  ],
  [
    'aria2c -x 16 -s 16 -d /models -o m.bin https://h.test/x/m.bin?download=true',
    ['file', 'put /models/m.bin https://h.test/x/m.bin?download=true'],
  ],
  ['pget https://h.test/x.bin /w/x.bin', ['file', 'put /w/x.bin https://h.test/x.bin']],
  ['pget -x https://h.test/x.tar /w', ['file', 'put /w https://h.test/x.tar tar-0']],
  [
    'aws s3 cp s3://b/x /x',
    ['step', 'run aws s3 cp s3://b/x /x # aws is a program to run: name s3:// addresses under weights'],
  ],
  [
    'wget -O /x https://h.test/x && echo "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  /x" | sha256sum -c - && chmod +x /x',
    ['file file file', 'put /x 755 https://h.test/x aaaa'],
  ],
  [
    'echo "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  /y" | sha256sum --check',
    [
      'step',
      'run echo "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  /y" | sha256sum --check # it checks a file that no line before it fetched',
    ],
  ],
  [
    'wget https://h.test/tool && install -m 755 tool /usr/local/bin/tool && rm tool',
    ['file file file', 'put /usr/local/bin/tool 755 https://h.test/tool'],
  ],
  ['install -d -m 700 /opt/private', ['file', 'put /opt/private dir 700']],
  [
    'wget https://h.test/x.deb && dpkg -i x.deb',
    ['file step', 'put /x.deb https://h.test/x.deb', 'run dpkg -i x.deb # dpkg is a program to run'],
  ],
  ['apt-get install -y ffmpeg=7:5.1.* || true', ['system none', 'apt ffmpeg=7:5.1.*']],
  ['which python && ls -la / && date && ffmpeg -version && cat /etc/os-release', ['none none none none none']],
  ['date > /built', ['step', 'run date > /built # its output goes to a file']],
  ['printf "a\\nb\\n" > /etc/list', ['file', 'put /etc/list "a\\nb\\n"']],
  ['printf "%s" x > /etc/list', ['file', 'put /etc/list "x"']],
  ['printf "%5s" x > /etc/list', ['step', 'run printf "%5s" x > /etc/list # printf with a format']],
  ['rm -rf /usr/share/doc/*', ['step', 'run rm -rf /usr/share/doc/* # a word that only the shell can expand']],
  [
    'huggingface-cli download o/m && rm -rf /root/.cache/*',
    [
      'weights step',
      'weights hf://o/m /root/.cache/huggingface/hub/models--o--m',
      'run rm -rf /root/.cache/* # it removes weights that a line before it placed',
    ],
  ],
  ['wget -P /tmp https://h.test/a https://h.test/b.txt && rm /tmp/*.txt', ['file file', 'put /tmp/a https://h.test/a']],
  ['touch /opt/x', ['step', 'run touch /opt/x # whether the file exists is not known']],
  ['chown -R root:root /opt', ['step', 'run chown -R root:root /opt # chown is a program to run']],
  [
    'update-alternatives --install /usr/bin/python python /usr/bin/python3.10 1',
    [
      'step',
      'run update-alternatives --install /usr/bin/python python /usr/bin/python3.10 1 # update-alternatives is a program to run',
    ],
  ],
  [
    'mkdir -p ~/.ssh && ssh-keyscan github.com >> ~/.ssh/known_hosts',
    [
      'file step',
      'put /root/.ssh dir',
      'run ssh-keyscan github.com >> ~/.ssh/known_hosts # ssh-keyscan is a program to run',
    ],
  ],
  [
    'curl -s https://h.test/list | xargs -n1 wget',
    ['step', 'run curl -s https://h.test/list | xargs -n1 wget # a pipe'],
  ],
  ['pip freeze | tee /req.txt', ['step', 'run pip freeze | tee /req.txt # a pipe']],
  [
    'poetry config virtualenvs.create false && poetry install',
    [
      'step',
      'run poetry config virtualenvs.create false && poetry install # poetry is a program to run: name its requirements under python_requirements',
    ],
  ],
  [
    'source /opt/venv/bin/activate && pip install a',
    [
      'step',
      'run source /opt/venv/bin/activate && pip install a # source is a program to run',
      'warn pip install is run as it stands (source is a program to run), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  ['# only a comment', ['']],
  ['playwright install & wait', ['step', "run playwright install & wait # the shell's syntax: a background job"]],
  ['export A=1; B=$A; pip install "x==$B"', ['none none python', 'pip x==1']],
  [
    'for a in 1 2; do for b in 3 4; do echo $a$b >> /etc/n; done; done',
    [
      'step',
      'run for a in 1 2; do for b in 3 4; do echo $a$b >> /etc/n; done; done # a for statement: a for statement: what /etc/n holds is not known',
    ],
  ],
  [
    'echo > /n; for a in 1 2; do for b in 3 4; do echo $a$b >> /n; done; done',
    ['file file', 'put /n "\\n13\\n14\\n23\\n24\\n"'],
  ],
  [
    'while true; do pip install a; done',
    [
      'step',
      'run while true; do pip install a; done # a while statement: it goes on for too long',
      'warn pip install is run as it stands (a while statement: it goes on for too long), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
  [
    'case $(uname -m) in x86_64) pip install a;; esac',
    ['python@amd64 none@arm64', 'pip a ; platform_machine == "x86_64"'],
  ],
  [
    'cd /src && pip install .',
    [
      'none step',
      'run cd /src && pip install . # . lies where no line before it placed anything',
      'warn pip install is run as it stands (. lies where no line before it placed anything), in an image that has no pip of its own, without a network: write it as a line by itself, which is locked',
    ],
  ],
];

it.each(LINES)('%s', (command, expected) => {
  const { commands, ...read } = readRun([{ command, mounts: [], where: { file: 'cog.yaml' } }]);
  const placements = read.placements.map(({ path, kind, mode, url, text, target, git, unpack, sha256 }) =>
    [
      'put',
      path,
      kind === 'directory' && git === undefined && unpack === undefined ? 'dir' : undefined,
      mode?.toString(8),
      url ?? (text === undefined ? target : JSON.stringify(text)),
      git === undefined ? undefined : `${git.url}@${git.ref ?? ''}${git.submodules === true ? '+sub' : ''}`,
      unpack === undefined ? undefined : `${unpack.format}-${unpack.strip}`,
      sha256?.slice(0, 4),
    ]
      .filter((item) => item !== undefined)
      .join(' '),
  );
  expect([
    commands
      .flatMap(({ parts }) => parts.map((part) => part.class + (part.platform?.replace('linux/', '@') ?? '')))
      .join(' '),
    ...read.requirements.map(({ value }) => `pip ${value}`),
    ...read.treeRequirements.map(({ git, path }) => `pip -r ${git.url} ${path}`),
    ...read.systemPackages.map(({ value }) => `apt ${value}`),
    ...placements,
    ...read.weights.map(({ uri, path, include, exclude }) =>
      `weights ${uri} ${path} ${include.join(',')} ${exclude.join(',')}`.trim(),
    ),
    ...read.steps.map((step) => `run ${step.command} # ${step.why}`),
    ...read.warnings.map(({ value }) => `warn ${value}`),
  ]).toEqual(expected);
});

it('what is not understood of a compound leaves nothing behind', () => {
  const { placements, requirements, systemPackages, weights, steps } = readRun([
    {
      command: '{ pip install a; apt-get install -y b; curl -o /c https://h.test/c; hf download o/m; make; }',
      mounts: [],
      where: { file: 'cog.yaml' },
    },
  ]);
  expect([placements, requirements, systemPackages, weights]).toEqual([[], [], [], []]);
  expect(steps).toHaveLength(1);
});

it('is read in bounded time', () => {
  const nested = `${'for a in 1 2 3 4 5 6 7 8 9; do '.repeat(12)}true${'; done'.repeat(12)}`;
  const started = performance.now();
  readRun([{ command: nested, mounts: [], where: { file: 'cog.yaml' } }]);
  readRun([{ command: `${'bash -c "'.repeat(50)}true${'"'.repeat(50)}`, mounts: [], where: { file: 'cog.yaml' } }]);
  readRun([{ command: `${'( '.repeat(40)}true${' )'.repeat(40)}`, mounts: [], where: { file: 'cog.yaml' } }]);
  expect(performance.now() - started).toBeLessThan(120_000);
});
