import { expect, it, test } from 'vitest';
import { findFetches } from './fetches.ts';

const BEFORE = `
import os, subprocess, urllib.request, requests
import torch
from huggingface_hub import snapshot_download, hf_hub_download as download
from diffusers import StableDiffusionPipeline
BASE = "https://weights.example/v1"
MODEL = "stabilityai/sd"
CACHE = "cache"
NAMES = ["a", "b"]
`;

function values(body: string): readonly (readonly [string, string, string | undefined])[] {
  return findFetches([{ path: 'predict.py', text: BEFORE + body }]).map(({ kind, call, value }) => [kind, call, value]);
}

test.each<[string, readonly (readonly [string, string, string | undefined])[]]>([
  ['snapshot_download("org/name", revision="abc")', [['hub', 'snapshot_download', 'org/name']]],
  ['snapshot_download(repo_id=MODEL)', [['hub', 'snapshot_download', 'stabilityai/sd']]],
  ['download(MODEL, "model.bin")', [['hub', 'download', 'stabilityai/sd']]],
  ['StableDiffusionPipeline.from_pretrained(MODEL, cache_dir=CACHE)', [['hub', 'from_pretrained', 'stabilityai/sd']]],
  ['snapshot_download("Qwen/Qwen2.5-VL")', [['hub', 'snapshot_download', 'Qwen/Qwen2.5-VL']]],
  ['snapshot_download("owner/Some.Model")', [['hub', 'snapshot_download', 'owner/Some.Model']]],
  ['StableDiffusionPipeline.from_pretrained("weights/model.safetensors")', []],
  ['StableDiffusionPipeline.from_pretrained("./weights")', []],
  ['StableDiffusionPipeline.from_pretrained(MODEL, local_files_only=True)', []],
  ['torch.hub.load("pytorch/vision:v0.10.0", "resnet18")', [['torch-hub', 'load', 'pytorch/vision:v0.10.0']]],
  [
    'torch.hub.load_state_dict_from_url(f"{BASE}/x.pth")',
    [['url', 'load_state_dict_from_url', 'https://weights.example/v1/x.pth']],
  ],
  ['urllib.request.urlretrieve(BASE + "/a", "a")', [['url', 'urlretrieve', 'https://weights.example/v1/a']]],
  ['requests.get(os.environ["URL"])', [['url', 'get', undefined]]],
  ['subprocess.check_call(["pget", "-x", BASE, "out"])', [['url', 'pget', 'https://weights.example/v1']]],
  ['subprocess.run(f"wget -O x {BASE}/y && true", shell=True)', [['url', 'wget', 'https://weights.example/v1/y']]],
  ['os.system("curl -L \'https://a.example/b\' -o c")', [['url', 'curl', 'https://a.example/b']]],
  ['os.system(f"wget {os.getcwd()}")', [['url', 'wget', undefined]]],
  ['subprocess.run(["hf", "download", "org/name"])', [['hub', 'hf', 'org/name']]],
  ['subprocess.run(["git", "clone", "https://git.example/a"])', [['url', 'git', 'https://git.example/a']]],
  ['subprocess.run(["git", "status"])', []],
  ['subprocess.run(["ffmpeg", "-i", "wget"])', []],
  ['print("pget")', []],
  ['object.constructor("a/b")\nconstructor("a/b")\nx.toString("a/b")', []],
  ['import timm\ntimm.create_model("resnet", pretrained=True)', [['named', 'create_model', 'resnet']]],
  ['import timm\ntimm.create_model("resnet")', []],
  ['from easyocr import Reader\nReader(["en"])', [['named', 'Reader', undefined]]],
  [
    'import open_clip\nopen_clip.create_model_and_transforms("ViT-B-32", pretrained="laion2b")',
    [['named', 'create_model_and_transforms', 'ViT-B-32']],
  ],
  ['import whisper\nwhisper.load_model("base")', [['named', 'load_model', 'base']]],
  ['import nltk\nnltk.download("punkt")', [['named', 'download', 'punkt']]],
  [
    'from sentence_transformers import SentenceTransformer\nSentenceTransformer("all-MiniLM-L6-v2")',
    [['hub', 'SentenceTransformer', 'all-MiniLM-L6-v2']],
  ],
  ['from ultralytics import YOLO\nYOLO("yolov8n")', [['named', 'YOLO', 'yolov8n']]],
  [
    'from modelscope import snapshot_download as get\nget("org/x")',
    [['named', 'modelscope.snapshot_download', 'org/x']],
  ],
  ['from huggingface_hub import HfApi\nHfApi().snapshot_download("org/x")', [['hub', 'snapshot_download', 'org/x']]],
  ['import gdown\ngdown.download(id="1a", output="x")', [['named', 'gdown.download', '1a']]],
  ['import wget\nwget.download(BASE)', [['url', 'wget.download', 'https://weights.example/v1']]],
  ['import httpx\nwith httpx.stream("GET", BASE) as r: pass', [['url', 'stream', 'https://weights.example/v1']]],
  ['requests.Session().get(BASE)', [['url', 'get', 'https://weights.example/v1']]],
  ['{}.get("a")\nNAMES.get(BASE_2)\nx.get("a/b")', []],
  ['import fsspec\nfsspec.open("s3://b/k")', [['url', 'open', 's3://b/k']]],
  ['import boto3\nboto3.client("s3").download_file("b", "k/f", "w/f")', [['url', 'download_file', 's3://b/k/f']]],
  ['bucket.download_file("k", "w/f")', [['url', 'download_file', undefined]]],
  ['bucket.blob("k").download_to_filename("f")', [['url', 'download_to_filename', undefined]]],
  [
    'from torchvision import models\nmodels.resnet18(pretrained=True)',
    [['named', 'torchvision.models.resnet18', undefined]],
  ],
  [
    'import torchvision\ntorchvision.models.detection.ssd(weights="DEFAULT")',
    [['named', 'torchvision.models.detection.ssd', undefined]],
  ],
  ['from torchvision.models import vgg16\nvgg16(weights=None)\nvgg16()', []],
  ['from transformers import pipeline\npipeline("summarization")', [['hub', 'pipeline', undefined]]],
  [
    'from ultralytics import YOLO\nYOLO("yolov8n.pt")\nYOLO("weights/own.pt")\nYOLO("own.pt")',
    [['named', 'YOLO', 'yolov8n.pt']],
  ],
  ['import timm\ntimm.create_model("hf-hub:org/vit")', [['hub', 'create_model', 'org/vit']]],
  [
    'import open_clip\nopen_clip.create_model_from_pretrained("hf-hub:org/clip")',
    [['hub', 'create_model_from_pretrained', 'org/clip']],
  ],
  ['StableDiffusionPipeline().load_textual_inversion("org/cat")', [['hub', 'load_textual_inversion', 'org/cat']]],
  ['requests.get("%s/%s" % (BASE, "x%"))', [['url', 'get', 'https://weights.example/v1/x%']]],
  [
    'requests.get(os.environ.get("URL", BASE))\nrequests.get(os.getenv("U", BASE))',
    [
      ['url', 'get', 'https://weights.example/v1'],
      ['url', 'get', 'https://weights.example/v1'],
    ],
  ],
  [
    'os.system("mkdir -p w && pget https://a.example/b w/b; cd w || true && wget https://a.example/c | cat")',
    [
      ['url', 'pget', 'https://a.example/b'],
      ['url', 'wget', 'https://a.example/c'],
    ],
  ],
  ['subprocess.run(["bash", "-c", "curl -L https://a.example/b -o c"])', [['url', 'curl', 'https://a.example/b']]],
  ['CMD = "wget https://a.example/b"\nsubprocess.run(CMD.split(" "))', [['url', 'wget', 'https://a.example/b']]],
  ['os.system("echo \'&& wget https://a.example/b\'")', []],
  ['os.system("wget https://a.example/$X")', [['url', 'wget', undefined]]],
])('%s', (body, expected) => {
  expect(values(body)).toEqual(expected);
});

it('follows the parameters of the functions that real projects download with', () => {
  expect(
    values(`
def download_weights(url, dest="x"):
    print("downloading", url)
    subprocess.check_call(["pget", "-x", url, dest], close_fds=False)

class Predictor:
    def setup(self):
        if not os.path.exists(CACHE):
            download_weights(BASE + "/model.tar", CACHE)
        for name in NAMES:
            download_weights(f"{BASE}/{name}.tar", dest=name)
`),
  ).toEqual([
    ['url', 'pget', 'https://weights.example/v1/model.tar'],
    ['url', 'pget', 'https://weights.example/v1/a.tar'],
    ['url', 'pget', 'https://weights.example/v1/b.tar'],
  ]);
});

it('follows what a class keeps, and names of its functions', () => {
  expect(
    values(`
class Predictor:
    NAME = "org/one"
    def setup(self):
        self.other = "org/two"
        local = self.other
        snapshot_download(self.NAME)
        snapshot_download(local)
        self.unknown = os.environ.get("X")
        snapshot_download(self.unknown)
    def predict(self, url: str) -> str:
        return requests.get(url).text
`),
  ).toEqual([
    ['hub', 'snapshot_download', 'org/one'],
    ['hub', 'snapshot_download', 'org/two'],
    ['hub', 'snapshot_download', undefined],
    ['url', 'get', undefined],
  ]);
});

it('reads the manifest of pget multifile, wherever it is put together', () => {
  const told = (body: string) =>
    findFetches([{ path: 'predict.py', text: BEFORE + body }]).map(({ value, options }) => [value, options.words]);
  const both = [
    ['https://weights.example/v1/a', ['w/a']],
    ['https://weights.example/v1/b', ['w/b']],
  ];
  expect(
    told(`
manifest = "\\n".join(f"{BASE}/{n} w/{n}" for n in NAMES)
subprocess.run(["pget", "multifile", "-"], input=manifest.encode("utf-8"))
`),
  ).toEqual(both);
  expect(
    told(`
class Predictor:
    def setup(self):
        subprocess.run("pget multifile -", shell=True, text=True, input=BASE + "/a w/a\\n" + BASE + "/b   w/b\\n\\n")
`),
  ).toEqual(both);
  for (const unread of [
    'subprocess.Popen(["pget", "multifile", "-"], stdin=subprocess.PIPE)',
    'subprocess.run(["pget", "multifile", "/tmp/m"])',
    'subprocess.run(["pget", "multifile", "-"], input=open("m").read())',
    'subprocess.run(["pget", "multifile", "-"], input="a b c\\n")',
  ])
    expect(told(unread).map(([value]) => value)).toEqual([undefined]);
});

it('names what only running the code would tell, and folders', () => {
  const options = (body: string, environment = new Map<string, string>()) =>
    findFetches([{ path: 'predict.py', text: BEFORE + body }], environment).map((fetch) => fetch.options);
  expect(options('snapshot_download("o/m", revision=os.environ["R"], token=None)')).toEqual([{ unread: ['revision'] }]);
  expect(options('snapshot_download("o/m", **more)')).toEqual([{ unread: ['other arguments'] }]);
  expect(options('torch.hub.load_state_dict_from_url(BASE, os.environ["D"])')).toEqual([{ unread: ['destination'] }]);
  expect(options('subprocess.run(["wget", BASE], cwd="w")')).toEqual([{ words: [], cwd: 'w' }]);
  expect(options('subprocess.run(["wget", BASE], cwd=os.getcwd())')).toEqual([{ words: [], moved: 'true' }]);
  expect(options('os.system("cd w && wget https://a.example/b")')).toEqual([{ words: [], moved: 'true' }]);
  expect(options('os.chdir("w")\nsubprocess.run(["wget", BASE])')).toEqual([{ words: [], moved: 'true' }]);
  expect(options('os.system(f"wget {os.getcwd()} https://a.example/b")')).toEqual([
    { words: [], unread: ['other words'] },
  ]);
  expect(
    findFetches(
      [{ path: 'p.py', text: 'import os, requests\nrequests.get(os.environ.get("U", "https://a.example/a"))' }],
      new Map([['U', 'https://a.example/b']]),
    ),
  ).toMatchObject([{ value: 'https://a.example/b' }]);
});

it('says where, and with which options', () => {
  const [fetch] = findFetches([
    {
      path: 'lib/a.py',
      text: 'from lib.b import ID\nimport huggingface_hub as h\nh.snapshot_download(ID, revision="v1", allow_patterns=["*"])\n',
    },
    { path: 'lib/b.py', text: 'ID = "a/b"\n' },
  ]);
  expect(fetch).toEqual({
    kind: 'hub',
    file: 'lib/a.py',
    line: 3,
    call: 'snapshot_download',
    value: 'a/b',
    options: { revision: 'v1', allow_patterns: ['*'] },
  });
});

it('ends for calls in circles and for nonsense', () => {
  expect(values('def a(x): b(x)\ndef b(x):\n    a(x)\n    requests.get(x)\na(BASE)\n')).toContainEqual([
    'url',
    'get',
    'https://weights.example/v1',
  ]);
  expect(findFetches([{ path: 'x.py', text: '((((((' }])).toEqual([]);
  expect(findFetches([{ path: 'x.py', text: `${'('.repeat(50_000)}1` }])).toEqual([]);
  expect(values('X = X\nrequests.get(X)')).toEqual([['url', 'get', undefined]]);
});
