import table from './debian-renames.json' with { type: 'json' };

/** In the order in which a row of the table has their names. */
const SUITES = Object.keys(table.sources);
const ROWS: Readonly<Record<string, string>> = table.renames;

/**
 * What took the place of a name that a Debian release does not have, likeliest first. The table is made from the indexes of
 * the releases (`scripts/generate-debian-renames.mjs`); what they cannot tell was collected by hand.
 */
export function renamedTo(name: string, suite: string): readonly string[] {
  const row = Object.hasOwn(ROWS, name) ? (ROWS[name] ?? '').split(' ') : [];
  const known = row[SUITES.indexOf(suite)] ?? '';
  const byHand = Object.hasOwn(BY_HAND, name) ? (BY_HAND[name] ?? []) : [];
  return known === '' ? byHand : [...new Set([...byHand, known])];
}

/** What the releases after this one have in the place of a name, earliest release first. */
export function renamedAfter(name: string, suite: string): readonly string[] {
  const row = Object.hasOwn(ROWS, name) ? (ROWS[name] ?? '').split(' ') : [];
  return row.slice(SUITES.indexOf(suite) + 1).filter((later) => later !== '');
}

/**
 * Names of Ubuntu, of releases before Debian 11, and those whose place was taken by something of another make. Collected
 * 2026-11; a suite may lack some of the replacements.
 */
const BY_HAND: Readonly<Record<string, readonly string[]>> = {
  libasound2: ['libasound2t64'],
  'libavcodec-extra58': ['libavcodec-extra'],
  libavcodec58: ['libavcodec59', 'libavcodec61'],
  libavcodec59: ['libavcodec61', 'libavcodec58'],
  libavformat58: ['libavformat59', 'libavformat61'],
  libavformat59: ['libavformat61', 'libavformat58'],
  libavutil56: ['libavutil57', 'libavutil59'],
  'libdc1394-22': ['libdc1394-25'],
  'libdc1394-22-dev': ['libdc1394-dev'],
  libenchant1c2a: ['libenchant-2-2'],
  libffi6: ['libffi8', 'libffi7'],
  libffi7: ['libffi8'],
  'libgl1-mesa-glx': ['libgl1'],
  'libglib2.0-0': ['libglib2.0-0t64'],
  libicu63: ['libicu72', 'libicu76', 'libicu67'],
  libicu67: ['libicu72', 'libicu76'],
  libicu72: ['libicu76', 'libicu67'],
  'libilmbase-dev': ['libimath-dev'],
  libjpeg8: ['libjpeg62-turbo'],
  'libjpeg8-dev': ['libjpeg62-turbo-dev'],
  'libjpeg-turbo8': ['libjpeg62-turbo'],
  'libmysqlclient-dev': ['default-libmysqlclient-dev'],
  libncurses5: ['libncurses6'],
  'libopenblas-base': ['libopenblas0'],
  'libopencv-core4.2': ['libopencv-core406', 'libopencv-core410', 'libopencv-core4.5'],
  'libpng12-0': ['libpng16-16t64', 'libpng16-16'],
  'libpng12-dev': ['libpng-dev'],
  libreadline7: ['libreadline8t64', 'libreadline8'],
  'libssl1.0.0': ['libssl3t64', 'libssl3', 'libssl1.1'],
  'libssl1.1': ['libssl3t64', 'libssl3'],
  libssl3: ['libssl3t64', 'libssl1.1'],
  libtbb2: ['libtbb12'],
  libtesseract4: ['libtesseract5'],
  libtiff4: ['libtiff6', 'libtiff5'],
  libtiff5: ['libtiff6'],
  libtinfo5: ['libtinfo6'],
  libvpx6: ['libvpx7', 'libvpx9'],
  libwebp6: ['libwebp7'],
  'libx264-155': ['libx264-164', 'libx264-160'],
  netcat: ['netcat-openbsd'],
  'openjdk-8-jdk': ['default-jdk'],
  'openjdk-8-jre': ['default-jre'],
  'openjdk-11-jdk': ['default-jdk'],
  'openjdk-11-jre': ['default-jre'],
  python: ['python3'],
  'python-dev': ['python3-dev'],
  'python-opencv': ['python3-opencv'],
  'python-pip': ['python3-pip'],
  'python-setuptools': ['python3-setuptools'],
  'python3-distutils': ['python3-setuptools'],
  'python3.9-dev': ['python3-dev'],
  'python3.10': ['python3'],
  'python3.10-dev': ['python3-dev'],
  'ttf-dejavu': ['fonts-dejavu'],
  'ttf-freefont': ['fonts-freefont-ttf'],
  'ttf-liberation': ['fonts-liberation'],
  'ttf-wqy-zenhei': ['fonts-wqy-zenhei'],
  'youtube-dl': ['yt-dlp'],
};

/** What names of NVIDIA's own archive begin with. Debian's main component has none of them. */
export const NVIDIA_NAMES =
  /^(?:cuda|nvidia|libcudnn|libcublas|libcufft|libcurand|libcusolver|libcusparse|libnccl|libnv|tensorrt|cudnn)/;
