import fc from 'fast-check';

/** Generated inputs are the same on every run; `FC_SEED=…` tries others. */
fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 20_261_122) });
