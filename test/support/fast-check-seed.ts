import * as fc from 'fast-check';

/*
 * Property tests draw the same values on every run, so that a change is judged by what it changes. Others are drawn with
 * `FAST_CHECK_SEED=<number>`, or `FAST_CHECK_SEED=random`.
 */
const wish = process.env.FAST_CHECK_SEED ?? '20261123';
if (wish !== 'random') {
  fc.configureGlobal({ seed: Number(wish) });
}
