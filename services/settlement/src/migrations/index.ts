import type { MigrationClass } from '@openledger/persistence';
import { CreateAnchors } from './anchors.js';
import { FindAnswersByEpoch, KeepAnswersWhole } from './answers.js';
import { CreateBudgets, CreateFreeTiers, CreatePriceVersions, CreateRefunds } from './billing.js';
import { CreateCases, CreateChain, CreateChannels, ExtendSending } from './chain.js';
import { CreateLedgerEpochs } from './epochs.js';
import { CreateLeases, IndexEndedLeases } from './leases.js';
import { CreateLedger, NumberAccounts, PostSingles } from './ledger.js';
import { CreateMetering } from './metering.js';
import { CreatePolicies } from './policy.js';
import { CreateSeals } from './seals.js';
import { CreateWebhooks } from './webhooks.js';

/** In the order of their numbers. */
export const migrations: readonly MigrationClass[] = [
  CreateLedger,
  CreateMetering,
  CreateChain,
  CreateLeases,
  IndexEndedLeases,
  NumberAccounts,
  PostSingles,
  CreateSeals,
  KeepAnswersWhole,
  FindAnswersByEpoch,
  CreateCases,
  ExtendSending,
  CreateChannels,
  CreateLedgerEpochs,
  CreatePriceVersions,
  CreateFreeTiers,
  CreateBudgets,
  CreateRefunds,
  CreatePolicies,
  CreateWebhooks,
  CreateAnchors,
];
