/** Debian packages of the headers that builds miss most. */
const HEADERS: Readonly<Record<string, string>> = {
  'alsa/asoundlib.h': 'libasound2-dev',
  'cairo.h': 'libcairo2-dev',
  'curl/curl.h': 'libcurl4-openssl-dev',
  'ffi.h': 'libffi-dev',
  'freetype2/ft2build.h': 'libfreetype-dev',
  'ft2build.h': 'libfreetype-dev',
  'geos_c.h': 'libgeos-dev',
  'gmp.h': 'libgmp-dev',
  'hdf5.h': 'libhdf5-dev',
  'jpeglib.h': 'libjpeg-dev',
  'lber.h': 'libldap2-dev',
  'ldap.h': 'libldap2-dev',
  'leveldb/db.h': 'libleveldb-dev',
  'libavcodec/avcodec.h': 'libavcodec-dev',
  'libavformat/avformat.h': 'libavformat-dev',
  'libpq-fe.h': 'libpq-dev',
  'libxml/xpath.h': 'libxml2-dev',
  'libxslt/xslt.h': 'libxslt1-dev',
  'magic.h': 'libmagic-dev',
  'mpi.h': 'libopenmpi-dev',
  'mysql.h': 'default-libmysqlclient-dev',
  'openssl/ssl.h': 'libssl-dev',
  'png.h': 'libpng-dev',
  'portaudio.h': 'portaudio19-dev',
  'pulse/simple.h': 'libpulse-dev',
  'sndfile.h': 'libsndfile1-dev',
  'sox.h': 'libsox-dev',
  'sqlite3.h': 'libsqlite3-dev',
  'tiffio.h': 'libtiff-dev',
  'stdint.h': 'libc6-dev',
  'stdio.h': 'libc6-dev',
  'stdlib.h': 'libc6-dev',
  'string.h': 'libc6-dev',
  'zlib.h': 'zlib1g-dev',
};

/** Debian packages of what pkg-config knows under other names than theirs. */
const PKG_CONFIG: Readonly<Record<string, string>> = {
  alsa: 'libasound2-dev',
  cairo: 'libcairo2-dev',
  'dbus-1': 'libdbus-1-dev',
  eigen3: 'libeigen3-dev',
  freetype2: 'libfreetype-dev',
  'glib-2.0': 'libglib2.0-dev',
  'gobject-2.0': 'libglib2.0-dev',
  'gobject-introspection-1.0': 'libgirepository1.0-dev',
  'gtk+-3.0': 'libgtk-3-dev',
  'icu-i18n': 'libicu-dev',
  lept: 'libleptonica-dev',
  libcrypto: 'libssl-dev',
  libcurl: 'libcurl4-openssl-dev',
  'libtiff-4': 'libtiff-dev',
  'libusb-1.0': 'libusb-1.0-0-dev',
  'libxml-2.0': 'libxml2-dev',
  libxslt: 'libxslt1-dev',
  libzmq: 'libzmq3-dev',
  mysqlclient: 'default-libmysqlclient-dev',
  opencv4: 'libopencv-dev',
  openssl: 'libssl-dev',
  pango: 'libpango1.0-dev',
  pangocairo: 'libpango1.0-dev',
  'portaudio-2.0': 'portaudio19-dev',
  samplerate: 'libsamplerate0-dev',
  sndfile: 'libsndfile1-dev',
  zlib: 'zlib1g-dev',
};

/** Debian packages of the programs that commands call most. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '7z': 'p7zip-full',
  aria2c: 'aria2',
  autoreconf: 'autoconf',
  bc: 'bc',
  bzip2: 'bzip2',
  c99: 'gcc',
  cc: 'gcc',
  clang: 'clang',
  cmake: 'cmake',
  convert: 'imagemagick',
  curl: 'curl',
  ffmpeg: 'ffmpeg',
  'fc-cache': 'fontconfig',
  file: 'file',
  'g++': 'g++',
  'c++': 'g++',
  gcc: 'gcc',
  gfortran: 'gfortran',
  gifsicle: 'gifsicle',
  git: 'git',
  'git-lfs': 'git-lfs',
  go: 'golang-go',
  gpg: 'gnupg',
  hg: 'mercurial',
  java: 'default-jre-headless',
  javac: 'default-jdk-headless',
  jq: 'jq',
  killall: 'psmisc',
  less: 'less',
  libtoolize: 'libtool',
  llc: 'llvm',
  'locale-gen': 'locales',
  lsb_release: 'lsb-release',
  make: 'make',
  meson: 'meson',
  nano: 'nano',
  nasm: 'nasm',
  ninja: 'ninja-build',
  node: 'nodejs',
  npm: 'npm',
  openssl: 'openssl',
  patch: 'patch',
  'pkg-config': 'pkg-config',
  protoc: 'protobuf-compiler',
  ps: 'procps',
  rsync: 'rsync',
  Rscript: 'r-base-core',
  ssh: 'openssh-client',
  sudo: 'sudo',
  svn: 'subversion',
  swig: 'swig',
  tesseract: 'tesseract-ocr',
  time: 'time',
  tree: 'tree',
  unrar: 'unrar-free',
  unzip: 'unzip',
  vim: 'vim',
  wget: 'wget',
  which: 'debianutils',
  xxd: 'xxd',
  xz: 'xz-utils',
  yasm: 'yasm',
  zip: 'zip',
  zstd: 'zstd',
};

/** What a log says is missing, and the Debian packages that have it. */
export interface Missing {
  /** In people's words. */
  readonly what: string;
  /** Empty when no package is known to have it. */
  readonly packages: readonly string[];
}

const ROWS: readonly (readonly [RegExp, (name: string) => Missing])[] = [
  [/\b(?:[Sg]?crt1|crti)\.o\b/, () => ({ what: "the C library's headers", packages: ['libc6-dev'] })],
  [/fatal error: ([\w./+-]+\.h(?:pp)?): No such file/, (name) => missing(`the header ${name}`, headerPackage(name))],
  [/cannot find -l([\w+.-]+)/, (name) => missing(`the library ${name}`, `lib${name}-dev`)],
  [
    /Package '?([\w.+-]+)'?,? (?:required by .*)?(?:was )?not found/,
    (name) => missing(`${name}, for pkg-config`, pkgConfigPackage(name)),
  ],
  [/(?:^|[ :])([\w.+-]+): (?:command )?not found$/m, program],
  [/^(?:make(?:\[\d+\])?|[\w./-]*env): [‘'"]?([\w.+-]+)[’'"]?: No such file or directory$/m, program],
  [/(?:No such file or directory: |executable file not found[^\n]*: )['"]([\w.+-]+)['"]/, program],
];

/** The first thing that a command says it did not find, by the end of its log. */
export function findMissing(log: string): Missing | undefined {
  for (const [pattern, read] of ROWS) {
    const match = pattern.exec(log);
    if (match !== null) return read(match[1] ?? '');
  }
  return undefined;
}

function program(name: string): Missing {
  return missing(`the program ${name}`, Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined);
}

function missing(what: string, name: string | undefined): Missing {
  return { what, packages: name === undefined ? [] : [name] };
}

/** The package of a header, by the path that programs include it by. */
export function headerPackage(header: string): string | undefined {
  return Object.hasOwn(HEADERS, header) ? HEADERS[header] : undefined;
}

/** The package of what pkg-config knows by a name. */
export function pkgConfigPackage(name: string): string {
  const known = Object.hasOwn(PKG_CONFIG, name) ? PKG_CONFIG[name] : undefined;
  return known ?? `lib${name.replace(/^lib/, '')}-dev`;
}
