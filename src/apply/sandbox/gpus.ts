import type Docker from 'dockerode';
import { CogplanError } from '../../errors.ts';

/**
 * What `--gpus` asks of the Docker Engine: `all`, a number of them, or `device=0,1`, in quotes or not. Fails with COGPLAN_USAGE. See
 * https://docs.docker.com/reference/cli/docker/container/run/#gpus
 */
export function deviceRequest(text: string): Docker.DeviceRequest {
  const plain = text.replace(/^(["'])(.*)\1$/, '$2');
  const capabilities = [['gpu']];
  if (plain === 'all') return { Count: -1, Capabilities: capabilities };
  if (/^[1-9]\d{0,3}$/.test(plain)) return { Count: Number(plain), Capabilities: capabilities };
  const devices = /^device=([\w:,./-]+)$/.exec(plain)?.[1];
  if (devices !== undefined) return { DeviceIDs: devices.split(','), Capabilities: capabilities };
  throw new CogplanError('COGPLAN_USAGE', `--gpus ${text} names no GPUs`, {
    subject: text,
    hint: 'Give all, a number, or device=0,1.',
  });
}
