import { expect, it } from 'vitest';
import { sha256 } from '../digest.ts';
import { findFetches } from '../formats/python/source/fetches.ts';
import { adoptFetches, type Surroundings } from './adopt-fetches.ts';

const NOTHING: Surroundings = { environment: new Map(), taken: new Set() };

function adopt(text: string, surroundings: Surroundings = NOTHING) {
  const fetches = findFetches([{ path: 'predict.py', text }]);
  return adoptFetches(fetches, surroundings).map(({ fetches: _, ...adoption }) => adoption);
}

it('files of one repository become one set, where the libraries look', () => {
  const code = `from huggingface_hub import hf_hub_download
hf_hub_download("Owner/Some_Model", "a.bin", revision="v1")
hf_hub_download(repo_id="Owner/Some_Model", filename="b.json", subfolder="x", revision="v1")
`;
  const target = '/opt/huggingface/hub/models--Owner--Some_Model';
  const weights = {
    name: 'owner-some-model',
    source: 'hf://Owner/Some_Model@v1',
    target,
    include: ['/a.bin', '/x/b.json'],
    layout: 'hub-cache',
  };
  expect(adopt(code)).toEqual([{ kind: 'weights', weights }]);
  expect(adopt(code, { ...NOTHING, taken: new Set([target]) })).toEqual([{ kind: 'known' }]);
  const elsewhere = { ...NOTHING, environment: new Map([['HF_HOME', '/src/hf']]) };
  expect(adopt(code, elsewhere)).toMatchObject([
    { weights: { target: target.replace('/opt/huggingface', '/src/hf') } },
  ]);
});

it('a whole repository goes before single files of it; data sets lie beside models', () => {
  const code = `from huggingface_hub import hf_hub_download, snapshot_download
from transformers import AutoModel
hf_hub_download("o/m", "a.bin")
AutoModel.from_pretrained("o/m")
snapshot_download("o/d", repo_type="dataset")
`;
  expect(adopt(code)).toMatchObject([
    { weights: { source: 'hf://o/m', target: '/opt/huggingface/hub/models--o--m' } },
    { weights: { source: 'hf://datasets/o/d', target: '/opt/huggingface/hub/datasets--o--d' } },
  ]);
  expect(JSON.stringify(adopt(code))).not.toContain('include');
});

it.each([
  [
    'import torch\ntorch.hub.load_state_dict_from_url("https://h.test/m.pth")',
    '/root/.cache/torch/hub/checkpoints/m.pth',
    undefined,
  ],
  [
    'from urllib.request import urlretrieve\nurlretrieve("https://h.test/m.pth", "weights/m.pth")',
    '/src/weights/m.pth',
    'guard',
  ],
  ['import subprocess\nsubprocess.check_call(["pget", "https://h.test/m", "/weights/m"])', '/weights/m', undefined],
  [
    'import subprocess\nsubprocess.check_call(["/usr/local/bin/pget", "https://h.test/m", "/weights/m"])',
    '/weights/m',
    'guard',
  ],
  [
    'import subprocess\nsubprocess.check_call(["pget", "-m", "25M", "--max-chunks=4", "https://h.test/m", "/weights/m"])',
    '/weights/m',
    undefined,
  ],
  [
    'import subprocess\nsubprocess.check_call(["pget", "-x", "https://h.test/m.tar", "weights"])',
    '/src/weights',
    undefined,
  ],
  ['import os\nos.system("wget -q https://h.test/m.pth -O weights/m.pth")', '/src/weights/m.pth', 'guard'],
  ['import subprocess\nsubprocess.run(["wget", "-P", "/weights", "https://h.test/m.pth"])', '/weights/m.pth', 'guard'],
  ['import subprocess\nsubprocess.run(["curl", "-L", "-o", "m.pth", "https://h.test/x"])', '/src/m.pth', 'guard'],
  ['import subprocess\nsubprocess.run(["aria2c", "-d", "/w", "-o", "m", "https://h.test/x"])', '/w/m', 'guard'],
  ['import wget\nwget.download("https://h.test/m.pth", out="w/m.pth")', '/src/w/m.pth', 'guard'],
  ['import keras\nkeras.utils.get_file("m.h5", "https://h.test/x.h5")', '/root/.keras/datasets/m.h5', undefined],
  [
    'import keras\nkeras.utils.get_file(origin="https://h.test/m.h5", fname="m.h5", cache_dir="/c", cache_subdir="s")',
    '/c/s/m.h5',
    undefined,
  ],
  ['import subprocess\nsubprocess.run(["wget", "https://h.test/m.pth"], cwd="w")', '/src/w/m.pth', 'guard'],
  [
    'import subprocess, os\nsubprocess.run(["wget", "https://h.test/m", "-O", "/w/m"], cwd=os.getcwd())',
    '/w/m',
    'guard',
  ],
  ['import os\nos.system("mkdir -p w && curl -sL \'https://h.test/m?a=1&b=2\' -o w/m")', '/src/w/m', 'guard'],
  [
    'import subprocess\nsubprocess.run(["pget", "multifile", "-"], input="https://h.test/m w/m", text=True)',
    '/src/w/m',
    undefined,
  ],
])('%s: a file at the path that the code names', (code, path, note) => {
  const [item] = adopt(code);
  expect(item).toMatchObject({ kind: 'file', file: { path } });
  expect(item !== undefined && 'note' in item).toBe(note !== undefined);
});

it('what pget puts where nothing lasts lies at a place of its own, and is answered from there', () => {
  const own = `/opt/pget/${sha256('https://h.test/m.tar').slice(0, 12)}`;
  const call = (words: string) => adopt(`import os\nos.system("pget ${words}")`);
  expect(call('https://h.test/m.tar /tmp/m.tar')).toMatchObject([{ file: { path: `${own}/m.tar`, answers: 'pget' } }]);
  expect(call('-x https://h.test/m.tar /tmp')).toMatchObject([{ file: { path: own, unpack: true, answers: 'pget' } }]);
});

it('what pget fetches is answered for, unless it is called by its own path', () => {
  const answers = (call: string) => {
    const [item] = adopt(`import os\nos.system("${call}")`);
    return item?.kind === 'file' ? item.file.answers : 'no file';
  };
  expect(answers('pget https://h.test/m /w/m')).toBe('pget');
  expect(answers('pget -x https://h.test/m.tar /w')).toBe('pget');
  expect(answers('/usr/bin/pget https://h.test/m /w/m')).toBeUndefined();
  expect(answers('wget https://h.test/m -O /w/m')).toBeUndefined();
});

it.each([
  ['from transformers import AutoModel\nAutoModel.from_pretrained("gpt2")', /no owner/],
  ['from transformers import AutoModel\nimport os\nAutoModel.from_pretrained(os.environ["M"])', /does not tell/],
  [
    'from huggingface_hub import snapshot_download\nsnapshot_download("o/m", local_dir="/tmp/w")',
    /begins with nothing/,
  ],
  ['from huggingface_hub import snapshot_download\nimport os\nsnapshot_download("o/m", cache_dir="~/x")', /not told/],
  ['import whisper\nwhisper.load_model("base")', /predict --record/],
  ['import os\nos.system("/usr/bin/pget https://h.test/a.bin /tmp/a.bin")', /begins with nothing/],
  ['import os\nos.system("wget https://h.test/a.bin -O /tmp/a.bin")', /begins with nothing/],
  ['import subprocess\nsubprocess.run(["hf", "download", "o/m", "--max-workers", "3"])', /options of its own/],
  ['import torch\ntorch.hub.load("o/r", "model")', /runs code/],
  ['import requests\nrequests.get("https://h.test/a.bin")', /where it is written/],
  ['import subprocess\nsubprocess.run(["pget", "-x", "https://h.test/a", "/w"])', /where it is written/],
  ['from huggingface_hub import snapshot_download\nsnapshot_download("o/m", revision=R)', /^revision: only running/],
  ['from huggingface_hub import snapshot_download\nsnapshot_download("o/m", cache_dir=R)', /^cache_dir: only running/],
  ['from huggingface_hub import snapshot_download\nsnapshot_download("o/m", **kw)', /^other arguments: only running/],
  ['from huggingface_hub import hf_hub_download\nhf_hub_download("o/m", NAME)', /^filename: only running/],
  ['import torch\ntorch.hub.load_state_dict_from_url("https://h.test/m.pth", D)', /^destination: only running/],
  ['import os\nos.system(f"wget {X} https://h.test/m.pth")', /^other words: only running/],
  ['import os\nos.system("cd w && wget https://h.test/m.pth")', /a folder that the code does not tell/],
  [
    'import os, wget\nos.chdir("/w")\nwget.download("https://h.test/m.pth", "m.pth")',
    /a folder that the code does not tell/,
  ],
  [
    'import os\nfrom huggingface_hub import snapshot_download\nos.chdir("/w")\nsnapshot_download("o/m", local_dir="m")',
    /a folder that the code does not tell/,
  ],
  ['import keras\nkeras.utils.get_file("m.zip", "https://h.test/m.zip", extract=True)', /where it is written/],
  ['import gdown\ngdown.download("https://drive.google.com/uc?id=1", "x")', /Google Drive/],
  ['from modelscope import snapshot_download\nsnapshot_download("o/m")', /predict --record/],
  ['import boto3\nboto3.client("s3").download_file("b", "k/f", "w/other")', /no http or https/],
])('%s: not adopted, and why', (code, why) => {
  expect(adopt(code)).toMatchObject([{ kind: 'none', why: expect.stringMatching(why) }]);
});

it('an object of a bucket that keeps its name becomes weights, and the cache of sentence-transformers is looked at', () => {
  expect(adopt('import boto3\nboto3.client("s3").download_file("b", "k/f.bin", "/w/f.bin")')).toEqual([
    {
      kind: 'weights',
      weights: { name: 'b-k-f-bin', source: 's3://b/k/f.bin', target: '/w' },
      note: expect.stringContaining('leave it alone'),
    },
  ]);
  expect(
    adopt(
      'import boto3\ndef f():\n  for n in ("a", "b"):\n    boto3.client("s3").download_file("b", f"k/{n}", f"/w/{n}")',
    ).map(({ kind }) => kind),
  ).toEqual(['weights', 'none']);
  expect(
    adopt('from sentence_transformers import SentenceTransformer\nSentenceTransformer("o/m", cache_folder="/src/c")'),
  ).toMatchObject([{ weights: { target: '/src/c/models--o--m' } }]);
});

it('one repository at two revisions cannot have one place', () => {
  const code = `from huggingface_hub import snapshot_download
snapshot_download("o/m", revision="a")
snapshot_download("o/m", revision="b")
`;
  expect(adopt(code).map(({ kind }) => kind)).toEqual(['weights', 'none']);
});

it.each([
  [
    'from huggingface_hub import snapshot_download\nsnapshot_download("o/m", allow_patterns=["*.json", "unet/*", "a.bin"], ignore_patterns="*.md", cache_dir="cache")',
    {
      source: 'hf://o/m',
      target: '/src/cache/models--o--m',
      include: ['*.json', 'unet/*', '/a.bin'],
      exclude: ['*.md'],
      layout: 'hub-cache',
    },
  ],
  [
    'from transformers import AutoModel\nAutoModel.from_pretrained("o/m", revision="v1", cache_dir="/weights")',
    { source: 'hf://o/m@v1', target: '/weights/models--o--m', layout: 'hub-cache' },
  ],
  [
    'from huggingface_hub import snapshot_download\nsnapshot_download("o/m", local_dir="./w")',
    { source: 'hf://o/m', target: '/src/w' },
  ],
  [
    'import subprocess\nsubprocess.run(["huggingface-cli", "download", "o/m", "--local-dir", "w", "--revision", "r"])',
    { source: 'hf://o/m@r', target: '/src/w' },
  ],
  [
    'from sentence_transformers import SentenceTransformer\nSentenceTransformer("all-MiniLM-L6-v2")',
    {
      source: 'hf://sentence-transformers/all-MiniLM-L6-v2',
      target: '/opt/huggingface/hub/models--sentence-transformers--all-MiniLM-L6-v2',
      layout: 'hub-cache',
    },
  ],
])('%s: weights where the code has them', (code, weights) => {
  const [item] = adopt(code);
  const { name: _, ...rest } = item?.kind === 'weights' ? item.weights : { name: '' };
  expect(rest).toEqual(weights);
});

it('two repositories for one folder cannot both be adopted', () => {
  const code = `from huggingface_hub import snapshot_download
snapshot_download("o/m", local_dir="w")
snapshot_download("o/n", local_dir="w")
`;
  expect(adopt(code)).toMatchObject([{ kind: 'weights' }, { kind: 'none', why: 'o/m goes to the same place' }]);
});
