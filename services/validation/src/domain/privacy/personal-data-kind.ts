/** Named to people, and all that is ever told of what was found. */
export type PersonalDataKind =
  | 'EMAIL'
  | 'PHONE'
  | 'PAYMENT_CARD'
  | 'IBAN'
  | 'SOCIAL_SECURITY_NUMBER'
  | 'IP_ADDRESS'
  | 'SECRET';
