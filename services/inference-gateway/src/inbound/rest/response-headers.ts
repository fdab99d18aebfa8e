import type { ServerResponse } from 'node:http';
import type { Middleware } from '@openledger/service-host';
import type { RateState } from '../../application/rate-limits.js';

/** The version that OpenAI's own API names. */
const OPENAI_VERSION = '2020-10-01';

/** Headers that clients of OpenAI's API read on every answer; the time is that until the answer begins. */
export const openAiHeaders: Middleware = (_request, response, next) => {
  const begun = performance.now();
  response.setHeader('openai-version', OPENAI_VERSION);
  const { writeHead } = response;
  response.writeHead = (...args: unknown[]) => {
    response.setHeader('openai-processing-ms', String(Math.round(performance.now() - begun)));
    return Reflect.apply(writeHead, response, args);
  };
  next();
};

/** How the credential stands, as OpenAI's clients read it. */
export function tellLimits(response: ServerResponse, state: RateState): void {
  for (const unit of ['requests', 'tokens'] as const) {
    const { limit, remaining, resetMs } = state[unit];
    response.setHeader(`x-ratelimit-limit-${unit}`, limit);
    response.setHeader(`x-ratelimit-remaining-${unit}`, remaining);
    response.setHeader(`x-ratelimit-reset-${unit}`, duration(resetMs));
  }
}

/** Such as `20ms`, `1.5s` and `1m3s`. */
export function duration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole < 1_000) return `${whole}ms`;
  const minutes = Math.floor(whole / 60_000);
  const seconds = (whole - minutes * 60_000) / 1_000;
  return minutes === 0 ? `${seconds}s` : `${minutes}m${Math.ceil(seconds)}s`;
}
