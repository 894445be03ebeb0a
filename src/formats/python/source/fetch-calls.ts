/** What a call that fetches something at run time takes. */
export interface FetchCall {
  readonly kind: FetchKind;
  /** Position and keywords of the URL, repository or name. */
  readonly index: number;
  readonly keywords: readonly string[];
  /** Only a fetch when this keyword is true or a name. */
  readonly only?: string;
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

/** By dotted name. */
export const FETCH_CALLS: ReadonlyMap<string, FetchCall> = new Map(
  Object.entries({
    'urllib.request.urlretrieve': url(),
    'urllib.request.urlopen': url(),
    'requests.get': url(),
    'httpx.get': url(),
    'wget.download': url(),
    'gdown.download': url('id'),
    'gdown.cached_download': url(),
    'gdown.download_folder': url('id'),
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
    'transformers.pipeline': { kind: 'hub', index: 1, keywords: ['model'] },
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
    'timm.create_model': { kind: 'named', index: 0, keywords: ['model_name'], only: 'pretrained' },
    'open_clip.create_model_and_transforms': { kind: 'named', index: 0, keywords: ['model_name'], only: 'pretrained' },
    'open_clip.create_model': { kind: 'named', index: 0, keywords: ['model_name'], only: 'pretrained' },
  } satisfies Record<string, FetchCall>),
);

/** By the method's name, whatever its class. */
export const FETCH_METHODS: ReadonlyMap<string, FetchCall> = new Map(
  Object.entries({
    from_pretrained: hub('pretrained_model_name_or_path', 'pretrained_model_link_or_path', 'model_id'),
    from_single_file: { kind: 'url', index: 0, keywords: ['pretrained_model_link_or_path'] },
    load_lora_weights: hub('pretrained_model_name_or_path_or_dict'),
    load_ip_adapter: hub('pretrained_model_name_or_path_or_dict'),
    get_pretrained: named('name'),
  } satisfies Record<string, FetchCall>),
);

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
