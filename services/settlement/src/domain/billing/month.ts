/** The month of a time in UTC, as `YYYY-MM`: sorts as it runs. */
export const monthOf = (at: Date): string => at.toISOString().slice(0, 7);

/** When the month after that of `at` begins. */
export const nextMonth = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1));
