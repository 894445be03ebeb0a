import type { ErrorFamily } from './errors.ts';

interface ErrorRow {
  readonly family: ErrorFamily;
  readonly summary: string;
}

/** Every error code, sorted. `docs/errors.md` is generated from this table. */
export const ERROR_CODES = {
  COGPLAN_ARCHIVE_EXPIRED: { family: 'outside', summary: 'A Debian archive has not renewed its index in time.' },
  COGPLAN_ARCHIVE_INVALID: {
    family: 'outside',
    summary: 'An archive (tar, ar, xz, …) breaks the rules of its format.',
  },
  COGPLAN_ARCHIVE_KEY: { family: 'input', summary: 'A file named as the key of a Debian archive is no public key.' },
  COGPLAN_ARCHIVE_MISMATCH: {
    family: 'outside',
    summary: 'A Debian archive gives an index for another suite, or lacks one.',
  },
  COGPLAN_ARCHIVE_ROLLBACK: {
    family: 'outside',
    summary: 'A Debian archive gives an older state than the lock knows.',
  },
  COGPLAN_ARCHIVE_TOO_LARGE: { family: 'outside', summary: 'Compressed content inflates beyond what is allowed.' },
  COGPLAN_ARTIFACT_GONE: { family: 'outside', summary: 'A locked artifact is no longer at any of its URLs.' },
  COGPLAN_AS_OF_UNAVAILABLE: {
    family: 'outside',
    summary: 'A Debian archive as it was at the date asked for cannot be had.',
  },
  COGPLAN_BASE_UNSUPPORTED: { family: 'input', summary: 'What the project asks cannot be had on an image base.' },
  COGPLAN_BASE_UNUSABLE: {
    family: 'input',
    summary: 'An image cannot be built on: it has no C library that wheels are built for.',
  },
  COGPLAN_BLOB_CORRUPT: {
    family: 'integrity',
    summary: 'A blob in the store no longer has the content its name says; it was set aside.',
  },
  COGPLAN_BLOB_MISSING: {
    family: 'integrity',
    summary: 'A locked artifact is not in the store and may not be fetched.',
  },
  COGPLAN_BUCKET_CHANGED: { family: 'outside', summary: 'An object of a bucket changed while it was read.' },
  COGPLAN_BUCKET_CREDENTIALS: { family: 'outside', summary: 'Credentials for a bucket are named, and cannot be had.' },
  COGPLAN_BUCKET_INVALID: { family: 'outside', summary: 'What answers for a bucket does not speak its API.' },
  COGPLAN_BUCKET_MISSING: { family: 'input', summary: 'A bucket or prefix holds no object.' },
  COGPLAN_BUCKET_REFUSED: { family: 'outside', summary: 'A bucket does not let these credentials read it.' },
  COGPLAN_BUG: { family: 'bug', summary: 'An impossible state inside cogplan.' },
  COGPLAN_BUILD_FAILED: { family: 'input', summary: 'A Python package could not be built from its source.' },
  COGPLAN_BUILD_NOT_REPRODUCED: {
    family: 'integrity',
    summary: 'A wheel was built again from its locked source and has other bytes than the lock says.',
  },
  COGPLAN_BUILD_SOURCE: {
    family: 'input',
    summary: 'The source of a Python package cannot be unpacked, or is no project that can be built.',
  },
  COGPLAN_BYTECODE_FAILED: { family: 'bug', summary: 'The locked interpreter did not compile a package as it should.' },
  COGPLAN_CA_FILE: {
    family: 'input',
    summary: 'The file of certificate authorities that SSL_CERT_FILE names cannot be used.',
  },
  COGPLAN_CONTENT_CHANGED: { family: 'input', summary: 'A file became shorter while it was read into a layer.' },
  COGPLAN_CONTENT_CORRUPT: {
    family: 'integrity',
    summary: 'A member of a wheel does not inflate to its length and CRC-32.',
  },
  COGPLAN_CONTROL_INVALID: { family: 'outside', summary: 'A Debian control text breaks the deb822 grammar.' },
  COGPLAN_DEB_CONFLICT: {
    family: 'input',
    summary: 'Two Debian packages ship one file, and neither replaces the other.',
  },
  COGPLAN_DEB_EFFECT: {
    family: 'bug',
    summary: 'What a maintainer script is known to do does not fit the packages of this lock.',
  },
  COGPLAN_DEB_REMOVAL: {
    family: 'input',
    summary: 'Installing one Debian package removes a file that another one ships.',
  },
  COGPLAN_DOCKER_FAILED: { family: 'outside', summary: 'The Docker Engine refused the image.' },
  COGPLAN_DOCKER_IMAGE_ID: {
    family: 'integrity',
    summary: 'The Docker Engine reports another image ID than the one that was built.',
  },
  COGPLAN_DOCKER_UNAVAILABLE: { family: 'outside', summary: 'No Docker Engine answers.' },
  COGPLAN_EXPORT_IMPOSSIBLE: {
    family: 'input',
    summary: 'The lock holds something that the format of an export cannot say.',
  },
  COGPLAN_FILES_CONFLICT: {
    family: 'input',
    summary: 'Two things are put at places of the image that exclude each other.',
  },
  COGPLAN_FILE_SYSTEM: { family: 'outside', summary: 'The operating system refused a file operation.' },
  COGPLAN_FIX_STALE: { family: 'input', summary: 'A fix does not fit the file any more.' },
  COGPLAN_GIT_FAILED: { family: 'outside', summary: 'A git repository, or a commit of it, cannot be had.' },
  COGPLAN_HASH_MISMATCH: {
    family: 'integrity',
    summary: 'Bytes do not have the hash or size they were announced with.',
  },
  COGPLAN_HOLD_IMPOSSIBLE: {
    family: 'input',
    summary: 'A change cannot be held back: something that is asked, or another package, forces it.',
  },
  COGPLAN_HOST_UNSUPPORTED: {
    family: 'input',
    summary: 'A tool that locking needs has no build for this operating system and processor.',
  },
  COGPLAN_HTTP_STATUS: { family: 'outside', summary: 'A server answered with an error status.' },
  COGPLAN_HUB_INVALID: { family: 'outside', summary: "The hub's answer cannot be used." },
  COGPLAN_HUB_MISSING: { family: 'outside', summary: 'A repository or revision does not exist on the hub.' },
  COGPLAN_HUB_REFUSED: { family: 'outside', summary: 'The hub refuses a repository: it is private or gated.' },
  COGPLAN_IGNORE_FILE_INVALID: {
    family: 'input',
    summary: 'A .dockerignore file holds a pattern that cannot be read.',
  },
  COGPLAN_IMAGE_INVALID: {
    family: 'outside',
    summary: 'An image in a registry breaks the rules of its format, or is of a kind that cannot be read.',
  },
  COGPLAN_IMAGE_NOT_FOUND: { family: 'input', summary: 'A registry has no such image, or does not show it.' },
  COGPLAN_IMAGE_PLATFORM: { family: 'input', summary: 'An image in a registry is not there for the platform.' },
  COGPLAN_IMAGE_UNUSABLE: {
    family: 'integrity',
    summary: 'An image cannot be run: its configuration is malformed or names no command.',
  },
  COGPLAN_INDEX_AUTH: { family: 'outside', summary: 'A package index refuses access.' },
  COGPLAN_INDEX_CONFLICT: { family: 'integrity', summary: 'Two package indexes have other bytes under one file name.' },
  COGPLAN_INDEX_INVALID: {
    family: 'outside',
    summary: 'A package index answers with something that is no index page.',
  },
  COGPLAN_INTERPRETER_INVALID: {
    family: 'outside',
    summary: 'The archive of a standalone interpreter is none, or is hostile.',
  },
  COGPLAN_INTERRUPTED: { family: 'input', summary: 'The run was interrupted.' },
  COGPLAN_LAYER_NAME: { family: 'outside', summary: 'A file has a name that image layers reserve for deletions.' },
  COGPLAN_LOCK_INVALID: { family: 'input', summary: 'The lock breaks its schema or contradicts itself.' },
  COGPLAN_LOCK_MISSING: { family: 'input', summary: 'The project has no cogplan.lock.' },
  COGPLAN_LOCK_STALE: { family: 'input', summary: 'The lock is not in step with what the project asks.' },
  COGPLAN_LOCK_SYNTAX: { family: 'input', summary: 'The lock is not JSON, or holds merge-conflict markers.' },
  COGPLAN_LOCK_VERSION: { family: 'input', summary: 'The lock has a format that this program does not read.' },
  COGPLAN_MARKER_INVALID: {
    family: 'input',
    summary: 'An environment marker breaks PEP 508, or compares what cannot be compared.',
  },
  COGPLAN_MIRRORS_INVALID: { family: 'input', summary: 'COGPLAN_MIRRORS cannot be read.' },
  COGPLAN_MODEL_MISSING: {
    family: 'input',
    summary: 'The Python file, class or function that the project names is not in it.',
  },
  COGPLAN_MODEL_SIGNATURE: { family: 'input', summary: 'The model has a signature that cannot be served.' },
  COGPLAN_NETWORK: { family: 'outside', summary: 'A server could not be reached, or the connection broke.' },
  COGPLAN_NOT_SEALED: { family: 'input', summary: 'The lock was never applied, so there is nothing to audit against.' },
  COGPLAN_NO_WHEEL: { family: 'input', summary: 'A Python package has no wheel that fits the target.' },
  COGPLAN_OFFLINE: { family: 'input', summary: 'The network is needed but cogplan was told to stay offline.' },
  COGPLAN_OUTPUT_FILE: {
    family: 'outside',
    summary: 'An output of the prediction cannot be written or is not what its type says.',
  },
  COGPLAN_OUTPUT_INVALID: {
    family: 'input',
    summary: 'The output is not one of oci:PATH, docker:NAME[:TAG], registry:NAME[:TAG] and tar:PATH.',
  },
  COGPLAN_OUTPUT_OCCUPIED: {
    family: 'input',
    summary: 'Where the output goes stands something that cogplan did not make.',
  },
  COGPLAN_PLAN_INVALID: { family: 'input', summary: 'A file is no whole plan, or was changed since it was made.' },
  COGPLAN_PLAN_STALE: { family: 'input', summary: 'What a plan was made for has moved since.' },
  COGPLAN_PLAN_VERSION: { family: 'input', summary: 'The plan has a format that this program does not read.' },
  COGPLAN_PLATFORM_NOT_LOCKED: { family: 'input', summary: 'The lock holds no target for the platform.' },
  COGPLAN_PLATFORM_UNSUPPORTED: {
    family: 'input',
    summary: 'The target platform is not one that can be locked or run.',
  },
  COGPLAN_PORT_IN_USE: { family: 'outside', summary: 'The address to serve on cannot be had.' },
  COGPLAN_PREDICTION_FAILED: { family: 'input', summary: 'The model failed at a prediction.' },
  COGPLAN_PREDICTION_INPUT: {
    family: 'input',
    summary: 'An input of the prediction is unknown, missing or of the wrong type.',
  },
  COGPLAN_PREDICTION_REQUEST: { family: 'outside', summary: 'The model server did not answer a prediction request.' },
  COGPLAN_PYTHON_UNAVAILABLE: {
    family: 'input',
    summary: 'No Debian suite brings the Python version that is asked for.',
  },
  COGPLAN_PYTHON_UNSATISFIABLE: { family: 'input', summary: 'No set of Python packages satisfies the requirements.' },
  COGPLAN_REFERENCE_INVALID: { family: 'input', summary: 'The name of an image cannot be read.' },
  COGPLAN_REGISTRY_AUTH: { family: 'outside', summary: 'A registry refuses access.' },
  COGPLAN_REGISTRY_CREDENTIALS: {
    family: 'input',
    summary: 'The file or helper program with registry credentials cannot be used.',
  },
  COGPLAN_REGISTRY_FAILED: {
    family: 'outside',
    summary: 'A registry did not accept a request, or answered with what is none of its protocol.',
  },
  COGPLAN_REGISTRY_TAG_CONTENDED: {
    family: 'outside',
    summary: 'Others write a tag all the time, and the images that were to join it are lost from it each time.',
  },
  COGPLAN_REQUIREMENTS_CYCLE: { family: 'input', summary: 'Requirements files include each other in a circle.' },
  COGPLAN_REQUIREMENTS_FILE: {
    family: 'input',
    summary: 'A requirements file is missing, outside the project, too large or not text.',
  },
  COGPLAN_REQUIREMENT_HASH: {
    family: 'input',
    summary: 'A requirement has a malformed or unsupported hash, or lacks one where all need it.',
  },
  COGPLAN_REQUIREMENT_INVALID: { family: 'input', summary: "A requirement line breaks PEP 508 or pip's file format." },
  COGPLAN_REQUIREMENT_PATH: {
    family: 'input',
    summary: 'A requirement names a path that is missing, outside the project or not installable.',
  },
  COGPLAN_REQUIREMENT_UNSUPPORTED: {
    family: 'input',
    summary: 'A kind of requirement or option that this version cannot lock.',
  },
  COGPLAN_REQUIREMENT_VARIABLE: { family: 'input', summary: 'A requirement line refers to an environment variable.' },
  COGPLAN_ROOT_UNSAFE: {
    family: 'integrity',
    summary: 'A layer would write outside the root file system that it is unpacked into.',
  },
  COGPLAN_RUNTIME_MISSING: {
    family: 'bug',
    summary: 'The wheel of the cog module that ships with cogplan is not there, or not the one announced.',
  },
  COGPLAN_SANDBOX_FAILED: { family: 'outside', summary: 'A command could not be started in the sandbox.' },
  COGPLAN_SANDBOX_UNAVAILABLE: { family: 'outside', summary: 'This machine lets no sandbox be made.' },
  COGPLAN_SCRIPT_UNKNOWN: { family: 'input', summary: 'A package has a maintainer script whose effect is not known.' },
  COGPLAN_SEAL_MISMATCH: {
    family: 'integrity',
    summary: 'A layer was built from its sealed recipe and has other bytes.',
  },
  COGPLAN_SECRET_LEAKED: {
    family: 'input',
    summary: 'A step leaves a secret in a file of the image.',
  },
  COGPLAN_SECRET_MISSING: {
    family: 'input',
    summary: 'A step needs a secret that was not given.',
  },
  COGPLAN_SERVER_ENDED: { family: 'outside', summary: 'The model server ended by itself.' },
  COGPLAN_SETTINGS_INVALID: {
    family: 'input',
    summary: 'cogplan.yaml holds an unknown key or a value that is not allowed.',
  },
  COGPLAN_SETUP_FAILED: { family: 'input', summary: 'The setup of the model failed or took too long.' },
  COGPLAN_SIGNATURE_INVALID: {
    family: 'integrity',
    summary: 'An archive index lacks a good signature of a trusted key.',
  },
  COGPLAN_SIGNATURE_KEY_EXPIRED: { family: 'integrity', summary: 'An archive is signed by a key that has expired.' },
  COGPLAN_SIGNATURE_KEY_UNKNOWN: {
    family: 'integrity',
    summary: 'An archive is signed by none of the keys that may sign it.',
  },
  COGPLAN_SIGNATURE_UNCOVERED: {
    family: 'integrity',
    summary: 'A signed index holds text that its signature does not cover.',
  },
  COGPLAN_SIGNATURE_WEAK: { family: 'integrity', summary: 'An archive is signed with a digest that can be forged.' },
  COGPLAN_SOURCE_CHANGED: { family: 'input', summary: 'A file of the project changed while it was read.' },
  COGPLAN_SOURCE_FILE_KIND: {
    family: 'input',
    summary: 'The project holds a socket, device or pipe that the image cannot carry.',
  },
  COGPLAN_SOURCE_LINK_ESCAPES: { family: 'input', summary: 'A symbolic link of the project leads out of it.' },
  COGPLAN_SOURCE_NAME: { family: 'input', summary: 'A project file has a name that an image cannot carry.' },
  COGPLAN_SPEC_CONFLICT: { family: 'input', summary: 'Two keys of the configuration exclude each other.' },
  COGPLAN_SPEC_FILE_MISSING: { family: 'input', summary: 'The configuration names a file that does not exist.' },
  COGPLAN_SPEC_LEGACY: { family: 'input', summary: 'The configuration has the layout of 2021.' },
  COGPLAN_SPEC_MISSING: { family: 'input', summary: 'The project has no cog.yaml.' },
  COGPLAN_SPEC_REQUIRED: { family: 'input', summary: 'A required key is missing from the configuration.' },
  COGPLAN_SPEC_SYNTAX: { family: 'input', summary: 'The configuration is not valid YAML.' },
  COGPLAN_SPEC_TYPE: { family: 'input', summary: 'A key of the configuration has a value of the wrong type.' },
  COGPLAN_SPEC_UNKNOWN_KEY: { family: 'input', summary: 'A key of the configuration is unknown.' },
  COGPLAN_SPEC_VALUE: { family: 'input', summary: 'A key of the configuration has a value that is not allowed.' },
  COGPLAN_STEP_FAILED: {
    family: 'input',
    summary: 'A command of build.run failed.',
  },
  COGPLAN_STEP_NETWORK: {
    family: 'input',
    summary:
      'A command of build.run wants something from the network that it may not have, or that cannot be recorded.',
  },
  COGPLAN_STEP_UNREPRODUCIBLE: {
    family: 'input',
    summary: 'A command of build.run leaves other bytes on a second run.',
  },
  COGPLAN_STORE_UNUSABLE: { family: 'outside', summary: 'The store cannot be created, read or written.' },
  COGPLAN_SYSTEM_PACKAGE_SYNTAX: { family: 'input', summary: 'An entry of system_packages is no package name.' },
  COGPLAN_SYSTEM_PACKAGE_UNKNOWN: { family: 'input', summary: 'The Debian archive has no such package.' },
  COGPLAN_SYSTEM_PACKAGE_VERSION: {
    family: 'input',
    summary: 'The Debian archive has no such version of the package.',
  },
  COGPLAN_SYSTEM_UNSATISFIABLE: {
    family: 'input',
    summary: 'System packages contradict each other, or need what the archive lacks.',
  },
  COGPLAN_TERMINAL_NEEDED: { family: 'input', summary: 'The full-screen review needs a terminal.' },
  COGPLAN_TOO_LARGE: { family: 'outside', summary: 'A server sent more bytes than the limit allows.' },
  COGPLAN_URL_UNSUPPORTED: { family: 'input', summary: 'A URL is malformed or has a scheme that cannot be fetched.' },
  COGPLAN_USAGE: { family: 'input', summary: 'The command line is wrong.' },
  COGPLAN_UV_FAILED: { family: 'outside', summary: 'uv could not be run, or failed for a reason of its own.' },
  COGPLAN_WEIGHTS_EMPTY: { family: 'input', summary: 'A source of weights has no file to take.' },
  COGPLAN_WEIGHTS_FILE_KIND: {
    family: 'input',
    summary: 'Among weights of the project is something that is no regular file.',
  },
  COGPLAN_WEIGHTS_LOCK_DIFFERS: { family: 'integrity', summary: 'Weights are not those that weights.lock records.' },
  COGPLAN_WEIGHTS_LOCK_INVALID: { family: 'input', summary: 'weights.lock is not one that Cog would read.' },
  COGPLAN_WEIGHTS_MISSING: { family: 'input', summary: 'Weights that the project names do not exist in it.' },
  COGPLAN_WEIGHTS_PATH: { family: 'input', summary: 'A weight file has a path that cannot stand in an image.' },
  COGPLAN_WEIGHTS_SOURCE: { family: 'input', summary: 'Weights cannot be read from where the project says.' },
  COGPLAN_WEIGHTS_UNSEALED: { family: 'input', summary: 'Weights have no sealed layers to export.' },
  COGPLAN_WHEEL_CONFLICT: { family: 'outside', summary: 'Two wheels put a file and a directory at the same path.' },
  COGPLAN_WHEEL_HASH_REFUSED: {
    family: 'integrity',
    summary: 'No wheel of a package has a hash that its requirement allows.',
  },
  COGPLAN_WHEEL_INVALID: { family: 'outside', summary: 'A wheel breaks the binary distribution format.' },
  COGPLAN_ZIP_INVALID: { family: 'outside', summary: 'A zip archive is malformed, hostile or beyond the limits.' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_CODES;
