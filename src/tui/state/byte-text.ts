const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `12.3 MB`: decimal units, at most one decimal. */
export function byteText(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${bytes < 0 ? '-' : ''}${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** With its sign; empty for nothing. */
export function signedByteText(bytes: number): string {
  return bytes === 0 ? '' : `${bytes > 0 ? '+' : ''}${byteText(bytes)}`;
}
