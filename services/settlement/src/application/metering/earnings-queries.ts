/** What a payee earned with one model, in one role. */
export interface ModelEarning {
  readonly modelId: string;
  /** Absent while only answers of the model are known. */
  readonly modelName?: string;
  /** Datanets that the model was trained on. */
  readonly datanetIds: readonly string[];
  readonly role: string;
  readonly answers: number;
  readonly amountWei: bigint;
}

/** One movement of money to a payee: its share of the fees of many answers. */
export interface EarningTransfer {
  readonly transferId: string;
  readonly role: string;
  readonly amountWei: bigint;
  readonly recordedAt: Date;
  /** For the next page. */
  readonly position: bigint;
}

/** What one answer added to a transfer. */
export interface AnswerEarning {
  readonly requestId: string;
  readonly modelId: string;
  readonly role: string;
  readonly amountWei: bigint;
  readonly creditedAt: Date;
}

/** Which answers each wei that was earned comes from. */
export abstract class EarningsQueries {
  abstract byModel(payeeId: string): Promise<ModelEarning[]>;
  /** Newest first. */
  abstract transfers(payeeId: string, before: bigint | undefined, limit: number): Promise<EarningTransfer[]>;
  /** In the order of request ids; all of them sum to the transfer. Undefined when the payee has no such transfer. */
  abstract answers(
    payeeId: string,
    transferId: string,
    page: { readonly after: string; readonly limit: number },
  ): Promise<AnswerEarning[] | undefined>;
  /** Newest first. */
  abstract recent(payeeId: string, limit: number): Promise<AnswerEarning[]>;
}
