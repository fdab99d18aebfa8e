import { z } from 'zod';

const REASON_CHARACTERS_MAX = 2_000;

export const ChallengeBody = z.object({ reason: z.string().trim().min(1).max(REASON_CHARACTERS_MAX) });
