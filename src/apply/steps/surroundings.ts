import { BUILD_EPOCH } from '../sandbox/run-in-root.ts';

/** What a step may see of the machine, chosen so that two runs differ in everything that must not matter. */
export interface Surroundings {
  /** Shown as the model of the processor. */
  readonly processor: string;
  readonly oneProcessor: boolean;
  readonly kernel: string;
  /** Kilobytes. */
  readonly memory: number;
  readonly load: string;
  /** Seconds since the machine was started. */
  readonly uptime: string;
  readonly bootId: string;
}

/** The surroundings of the run whose outcome is kept. */
export const SEALED_SURROUNDINGS: Surroundings = {
  processor: 'cogplan processor one',
  oneProcessor: true,
  kernel: 'Linux version 6.1.0-cogplan-one',
  memory: 8_388_608,
  load: '0.11 0.11 0.11',
  uptime: '1111.11',
  bootId: '11111111-1111-4111-8111-111111111111',
};
/** Those of the run that it is compared with. */
export const OTHER_SURROUNDINGS: Surroundings = {
  processor: 'cogplan processor two',
  oneProcessor: false,
  kernel: 'Linux version 6.1.0-cogplan-two',
  memory: 16_777_216,
  load: '0.22 0.22 0.22',
  uptime: '2222.22',
  bootId: '22222222-2222-4222-8222-222222222222',
};

/** What files of the kernel say, by path. */
export function kernelFiles(surroundings: Surroundings): Readonly<Record<string, string>> {
  const { processor, oneProcessor, kernel, memory, load, uptime, bootId } = surroundings;
  const processors = oneProcessor ? [0] : [0, 1];
  const times = '1000 0 1000 1000 0 0 0 0 0 0';
  return {
    '/proc/cpuinfo': processors
      .map((index) => `processor\t: ${index}\nmodel name\t: ${processor}\ncpu cores\t: ${processors.length}\n\n`)
      .join(''),
    '/proc/loadavg': `${load} 1/1 1\n`,
    '/proc/meminfo': `MemTotal:       ${memory} kB\nMemFree:        ${memory} kB\nMemAvailable:   ${memory} kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n`,
    '/proc/stat': `cpu  ${times}\n${processors.map((index) => `cpu${index} ${times}\n`).join('')}btime ${BUILD_EPOCH}\nprocesses 1\n`,
    '/proc/sys/kernel/random/boot_id': `${bootId}\n`,
    '/proc/uptime': `${uptime} ${uptime}\n`,
    '/proc/version': `${kernel}\n`,
  };
}
