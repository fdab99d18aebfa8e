/**
 * Nats below which a difference of two log-likelihoods of an answer is rounding: single precision over some hundred
 * tokens leaves about 10⁻³, by how the sequences were batched.
 */
export const SCORING_NOISE_NATS = 0.01;
