import type { Middleware } from '@openledger/service-host';

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
