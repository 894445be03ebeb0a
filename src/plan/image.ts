import { canonicalJson, type Json } from '../canonical.ts';
import type { Image } from '../lock/schema.generated.ts';
import type { Spec } from '../spec/spec.ts';

/** Cog's label vocabulary that this image speaks; readers of Cog images look for these. */
const COG_VERSION_LABEL = 'run.cog.version';

/**
 * The image's configuration, as Cog's own images have it: server on port 5000 under an init process, the project at /src,
 * the model named by Cog's variables. User variables come last, in byte-wise order.
 */
export function imageOf(spec: Spec, sdkVersion: string): Image {
  const model: string[] = [];
  if (spec.predict !== undefined) model.push(`COG_PREDICT_TYPE_STUB=${spec.predict.file}:${spec.predict.name}`);
  if (spec.train !== undefined) model.push(`COG_TRAIN_TYPE_STUB=${spec.train.file}:${spec.train.name}`);
  if (spec.concurrency !== undefined) model.push(`COG_MAX_CONCURRENCY=${spec.concurrency.max}`);
  const gpu = spec.gpu
    ? [
        'LD_LIBRARY_PATH=/usr/local/nvidia/lib64:/usr/local/nvidia/bin',
        'NVIDIA_DRIVER_CAPABILITIES=all',
        'NVIDIA_VISIBLE_DEVICES=all',
      ]
    : [];
  return {
    env: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'DEBIAN_FRONTEND=noninteractive',
      'LANG=C.UTF-8',
      'PYTHONUNBUFFERED=1',
      ...gpu,
      ...model,
      ...spec.environment.map(({ name, value }) => `${name}=${value}`),
    ],
    entrypoint: ['/sbin/tini', '--'],
    cmd: ['python', '-m', 'cog.server.http'],
    workdir: '/src',
    user: '',
    ports: ['5000/tcp'],
    labels: {
      [COG_VERSION_LABEL]: sdkVersion,
      'run.cog.config': canonicalJson(spec.config as Json),
      'run.cog.has_init': 'true',
    },
  };
}
