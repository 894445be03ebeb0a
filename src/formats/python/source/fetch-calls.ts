/** What a call that fetches something at run time takes. */
export interface FetchCall {
  readonly kind: FetchKind;
  /** Position and keywords of the URL, repository or name. */
  readonly index: number;
  readonly keywords: readonly string[];
  /** Only a fetch when one of these keywords is true or a name. */
  readonly only?: readonly string[];
  /** Without the argument it fetches what the library chooses. */
  readonly always?: true;
  /** Any object may have a method of this name: only an address that can be read tells that it fetches. */
  readonly whenRead?: true;
  /** What the call is named, where its last name alone says too little. */
  readonly shown?: string;
}

/**
 * `url`: bytes at an address. `hub`: a repository of the Hugging Face Hub. `torch-hub`: a repository on GitHub by `torch.hub.load`. `named`: weights
 * that a library finds by a name of its own.
 */
export type FetchKind = 'url' | 'hub' | 'torch-hub' | 'named';

const url = (...keywords: readonly string[]): FetchCall => ({ kind: 'url', index: 0, keywords: ['url', ...keywords] });
const hub = (...keywords: readonly string[]): FetchCall => ({
  kind: 'hub',
  index: 0,
  keywords: ['repo_id', ...keywords],
});
const named = (...keywords: readonly string[]): FetchCall => ({ kind: 'named', index: 0, keywords });
/** A model of torchvision's that is made with its weights. */
export const TORCHVISION_MODEL: FetchCall = {
  kind: 'named',
  index: 0,
  keywords: [],
  only: ['pretrained', 'weights'],
  always: true,
};

/** By dotted name. */
export const FETCH_CALLS: ReadonlyMap<string, FetchCall> = new Map(
  Object.entries({
    'urllib.request.urlretrieve': url(),
    'urllib.request.urlopen': url(),
    'requests.get': url(),
    'httpx.get': url(),
    'httpx.stream': { kind: 'url', index: 1, keywords: ['url'] },
    'requests.request': { kind: 'url', index: 1, keywords: ['url'] },
    'fsspec.open': url('urlpath'),
    'wget.download': { ...url(), shown: 'wget.download' },
    'gdown.download': { ...named('url', 'id'), shown: 'gdown.download' },
    'gdown.cached_download': { ...named('url'), shown: 'gdown.cached_download' },
    'gdown.download_folder': { ...named('url', 'id'), shown: 'gdown.download_folder' },
    'modelscope.snapshot_download': { ...named('model_id'), shown: 'modelscope.snapshot_download' },
    'modelscope.hub.snapshot_download.snapshot_download': {
      ...named('model_id'),
      shown: 'modelscope.snapshot_download',
    },
    'pooch.retrieve': url(),
    'torch.hub.load_state_dict_from_url': url(),
    'torch.hub.download_url_to_file': url(),
    'torch.utils.model_zoo.load_url': url(),
    'torchvision.datasets.utils.download_url': url(),
    'basicsr.utils.download_util.load_file_from_url': url(),
    'facexlib.utils.load_file_from_url': url(),
    'tensorflow.keras.utils.get_file': { kind: 'url', index: 1, keywords: ['origin'] },
    'keras.utils.get_file': { kind: 'url', index: 1, keywords: ['origin'] },
    'tensorflow_hub.load': url('handle'),
    'tensorflow_hub.KerasLayer': url('handle'),
    'torch.hub.load': { kind: 'torch-hub', index: 0, keywords: ['repo_or_dir'] },
    'huggingface_hub.snapshot_download': hub(),
    'huggingface_hub.hf_hub_download': hub(),
    'huggingface_hub.cached_download': url(),
    'diffusers.utils.load_image': url('image'),
    'sentence_transformers.SentenceTransformer': hub('model_name_or_path'),
    'sentence_transformers.CrossEncoder': hub('model_name', 'model_name_or_path'),
    'transformers.pipeline': { kind: 'hub', index: 1, keywords: ['model'], always: true },
    'faster_whisper.WhisperModel': named('model_size_or_path'),
    'whisper.load_model': named('name'),
    'whisperx.load_model': named('whisper_arch'),
    'stable_whisper.load_model': named('name'),
    'easyocr.Reader': named('lang_list'),
    'ultralytics.YOLO': named('model'),
    'insightface.app.FaceAnalysis': named('name'),
    'rembg.new_session': named('model_name'),
    'tiktoken.get_encoding': named('encoding_name'),
    'TTS.api.TTS': named('model_name'),
    'demucs.pretrained.get_model': named('name'),
    'clip.load': named('name'),
    'nltk.download': named('info_or_id'),
    'spacy.cli.download': named('model'),
    'timm.create_model': { kind: 'named', index: 0, keywords: ['model_name'], only: ['pretrained'] },
    'open_clip.create_model_and_transforms': {
      kind: 'named',
      index: 0,
      keywords: ['model_name'],
      only: ['pretrained'],
    },
    'open_clip.create_model_from_pretrained': named('model_name'),
    'torchvision.models.get_model': { kind: 'named', index: 0, keywords: ['name'], only: ['weights'] },
    'open_clip.create_model': { kind: 'named', index: 0, keywords: ['model_name'], only: ['pretrained'] },
  } satisfies Record<string, FetchCall>),
);

/** By the method's name, whatever its class. */
export const FETCH_METHODS: ReadonlyMap<string, FetchCall> = new Map(
  Object.entries({
    from_pretrained: hub('pretrained_model_name_or_path', 'pretrained_model_link_or_path', 'model_id'),
    from_single_file: { kind: 'url', index: 0, keywords: ['pretrained_model_link_or_path'] },
    load_lora_weights: hub('pretrained_model_name_or_path_or_dict'),
    load_ip_adapter: hub('pretrained_model_name_or_path_or_dict'),
    load_textual_inversion: hub('pretrained_model_name_or_path'),
    get_pretrained: named('name'),
    get: { ...url(), whenRead: true },
    stream: { kind: 'url', index: 1, keywords: ['url'], whenRead: true },
  } satisfies Record<string, FetchCall>),
);

/** Methods of clients of object stores, which name what they fetch in several arguments or on the object. */
export const BUCKET_METHODS: ReadonlySet<string> = new Set([
  'download_file',
  'download_fileobj',
  'download_to_filename',
  'download_to_file',
  'download_blob_to_file',
  'fget_object',
]);

/** Calls that run a program: its words, or one line of shell. */
export const PROGRAM_CALLS: ReadonlySet<string> = new Set([
  'subprocess.run',
  'subprocess.call',
  'subprocess.check_call',
  'subprocess.check_output',
  'subprocess.Popen',
  'os.system',
  'os.popen',
  'asyncio.create_subprocess_exec',
  'asyncio.create_subprocess_shell',
]);

/** Programs that fetch. */
export const FETCH_PROGRAMS: ReadonlySet<string> = new Set([
  'pget',
  'wget',
  'curl',
  'aria2c',
  'gdown',
  'axel',
  'huggingface-cli',
  'hf',
  'git',
]);
