/**
 * Nats below which a difference of two log-likelihoods of an answer counts as rounding. On one processor batching and
 * threads change no bit of them; another one may round each token's single-precision logits differently, by about 10⁻⁵,
 * which is 10⁻³ to 10⁻² over an answer.
 */
export const SCORING_NOISE_NATS = 0.01;
