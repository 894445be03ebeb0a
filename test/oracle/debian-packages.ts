/**
 * The system packages that real projects ask for most, of those that Debian 12 has: the order of a survey of 262 cog.yaml
 * files first, then what images for Python models usually add.
 */
export const MOST_USED: readonly string[] = `
libgl1-mesa-glx libglib2.0-0 ffmpeg git libsm6 libxext6 cmake libsndfile1 wget libgl1 build-essential ninja-build
libxrender-dev curl libxrender1 zip pkg-config libegl1 git-lfs libgomp1 python3-opencv aria2 ca-certificates libcairo2
libavcodec-dev sox libglvnd0 libgles2 libgl1-mesa-dev libmagic1 espeak-ng xvfb lilypond g++ fluidsynth
apt-transport-https gnupg libsqlite3-dev libmagic-dev pybind11-dev sudo libjpeg-dev libpng-dev libavformat-dev
libavdevice-dev libavutil-dev libglm-dev libegl1-mesa-dev libglx0 libglvnd-dev libgles2-mesa-dev libxi6 libgconf-2-4
libxkbcommon-x11-0 texlive-latex-base texlive-fonts-recommended texlive-latex-extra
libsndfile1-dev tar unzip tesseract-ocr imagemagick libopenblas-dev libhdf5-dev libssl-dev libffi-dev zlib1g-dev
libbz2-dev liblzma-dev libreadline-dev portaudio19-dev libportaudio2 ghostscript poppler-utils gfortran libgeos-dev
libproj-dev gdal-bin libxml2-dev libxslt1-dev libpq-dev swig jq openssh-client procps rsync vim-tiny htop locales
python3-dev python3-pip nodejs libtiff-dev libwebp-dev libosmesa6-dev libglfw3 libfreetype6-dev libopenmpi-dev
default-jre-headless wkhtmltopdf libvips-dev fontconfig mesa-utils
`
  .trim()
  .split(/\s+/);
