import { describe, expect, it } from 'vitest';
import { sha256, toDigest } from '../../digest.ts';
import { encodeConfig, type ImageConfigInput } from './config.ts';
import { blobName, encodeDockerManifest, encodeIndex, encodeLayoutFile } from './layout.ts';
import { encodeManifest } from './manifest.ts';

const layers = ['a', 'b'].map((name) => ({ name, diffId: toDigest(sha256(name)) }));
const [A, B] = layers.map(({ diffId }) => diffId) as [`sha256:${string}`, `sha256:${string}`];
const full: ImageConfigInput = {
  architecture: 'amd64',
  os: 'linux',
  env: ['PATH=/bin', 'LANG=C.UTF-8', 'A=<&>\u2028'],
  entrypoint: ['/sbin/tini', '--'],
  cmd: ['python', '-m', 'cog.server.http'],
  workdir: '/src',
  user: '1000:1000',
  ports: ['5000/tcp', '10/udp'],
  labels: { b: 'é', a: '{"x":1}', '10': 'ten', '9': 'nine' },
  layers,
};
const empty: ImageConfigInput = {
  ...full,
  env: [],
  entrypoint: [],
  cmd: [],
  workdir: '',
  user: '',
  ports: [],
  labels: {},
  layers: [],
};

describe('encodeConfig', () => {
  it('holds these bytes still', () => {
    expect(encodeConfig(full).toString('utf8')).toBe(
      `{"architecture":"amd64","config":{"Cmd":["python","-m","cog.server.http"],"Entrypoint":["/sbin/tini","--"],"Env":["PATH=/bin","LANG=C.UTF-8","A=<&>\u2028"],"ExposedPorts":{"10/udp":{},"5000/tcp":{}},"Labels":{"10":"ten","9":"nine","a":"{\\"x\\":1}","b":"é"},"User":"1000:1000","WorkingDir":"/src"},"created":"1980-01-01T00:00:01Z","history":[{"created":"1980-01-01T00:00:01Z","created_by":"cogplan a"},{"created":"1980-01-01T00:00:01Z","created_by":"cogplan b"}],"os":"linux","rootfs":{"diff_ids":["${A}","${B}"],"type":"layers"}}`,
    );
    expect(sha256(encodeConfig(full))).toBe('a30ce023a9ae5fb34658b11934ca1658a1c9e8491eacae0e4df2d410ff85ab97');
  });

  it('leaves out what is empty', () => {
    expect(encodeConfig(empty).toString('utf8')).toBe(
      '{"architecture":"amd64","config":{},"created":"1980-01-01T00:00:01Z","history":[],"os":"linux","rootfs":{"diff_ids":[],"type":"layers"}}',
    );
  });

  it('does not depend on the order in which labels and ports were given', () => {
    const turned = {
      ...full,
      ports: [...full.ports].reverse(),
      labels: Object.fromEntries(Object.entries(full.labels).reverse()),
    };
    expect(encodeConfig(turned).equals(encodeConfig(full))).toBe(true);
  });
});

describe('manifest and layout', () => {
  const config = { digest: A, size: 2 };
  const blobs = [
    { digest: A, size: 1024 },
    { digest: B, size: 9_007_199_254_740_991 },
  ];

  it('holds the bytes of the manifest still', () => {
    expect(encodeManifest(config, blobs).toString('utf8')).toBe(
      `{"config":{"digest":"${A}","mediaType":"application/vnd.oci.image.config.v1+json","size":2},"layers":[{"digest":"${A}","mediaType":"application/vnd.oci.image.layer.v1.tar","size":1024},{"digest":"${B}","mediaType":"application/vnd.oci.image.layer.v1.tar","size":9007199254740991}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`,
    );
    expect(sha256(encodeManifest(config, blobs))).toBe(
      'f3eea068e79e4612d92df088859732779142298da8b5bc1bd5a73bd5fee2a6f4',
    );
  });

  it('holds the bytes of the layout still', () => {
    expect(encodeLayoutFile().toString()).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect(encodeIndex(config, { os: 'linux', architecture: 'arm64' }).toString()).toBe(
      `{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"latest"},"digest":"${A}","mediaType":"application/vnd.oci.image.manifest.v1+json","platform":{"architecture":"arm64","os":"linux"},"size":2}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}`,
    );
    expect(encodeDockerManifest(config, blobs, ['model:1']).toString()).toBe(
      `[{"Config":"${blobName(A)}","Layers":["${blobName(A)}","${blobName(B)}"],"RepoTags":["model:1"]}]`,
    );
    expect(encodeDockerManifest(config, [], []).toString()).toContain('"RepoTags":null');
  });
});
