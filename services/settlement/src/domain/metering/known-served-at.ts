/**
 * When an answer was served, as far as can be known here: not after its receipt came, whatever the clock of its gateway says.
 * So no gateway brings a raise forward, or spends in a month whose budget has not begun.
 */
export const knownServedAt = (servedAt: Date, now: Date): Date => (servedAt > now ? now : servedAt);
