declare const normalizedNameBrand: unique symbol;
/** A distribution's name in the form that is compared: lower case, runs of `-`, `_` and `.` as one `-`. */
export type NormalizedName = string & { readonly [normalizedNameBrand]: true };

const VALID_NAME = /^(?:[a-z0-9]|[a-z0-9][a-z0-9._-]*[a-z0-9])$/i;

/** https://packaging.python.org/en/latest/specifications/name-normalization/ */
export function normalizeName(name: string): NormalizedName {
  return name.replace(/[-_.]+/g, '-').toLowerCase() as NormalizedName;
}

export function isValidName(name: string): boolean {
  return VALID_NAME.test(name);
}
