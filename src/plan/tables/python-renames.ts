/** Names that people write for a project whose name on PyPI is another one, 2026-11. */
const RENAMED: Readonly<Record<string, string>> = {
  attr: 'attrs',
  beautifulsoup: 'beautifulsoup4',
  bs4: 'beautifulsoup4',
  clip: 'openai-clip',
  crypto: 'pycryptodome',
  cv2: 'opencv-python-headless',
  dateutil: 'python-dateutil',
  dotenv: 'python-dotenv',
  faiss: 'faiss-cpu',
  'faiss-gpu': 'faiss-cpu',
  ffmpeg: 'ffmpeg-python',
  fitz: 'pymupdf',
  git: 'gitpython',
  jose: 'python-jose',
  magic: 'python-magic',
  opencv: 'opencv-python-headless',
  pil: 'pillow',
  'pkg-resources': 'setuptools',
  pytorch: 'torch',
  'pytorch-vision': 'torchvision',
  serial: 'pyserial',
  skimage: 'scikit-image',
  sklearn: 'scikit-learn',
  'tensorflow-gpu': 'tensorflow',
  'tensorflow-intel': 'tensorflow',
  'tensorflow-macos': 'tensorflow',
  tensorflow2: 'tensorflow',
  whisper: 'openai-whisper',
  yaml: 'pyyaml',
};

/** The name on PyPI of what a person calls `name` (normalised); undefined when there is no better one. */
export function renamedPackage(name: string): string | undefined {
  return RENAMED[name];
}
