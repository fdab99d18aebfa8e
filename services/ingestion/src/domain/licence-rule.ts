/** An SPDX expression as a tree; the leaves are identifiers of the SPDX list. */
export type LicenceTree =
  | { readonly licence: string }
  | { readonly all: readonly LicenceTree[] }
  | { readonly any: readonly LicenceTree[] };

/** False where the licence itself forbids commercial use, whatever the Datanet's permissions say. */
export function allowsCommercialUse(tree: LicenceTree): boolean {
  if ('licence' in tree) return !/-NC(-|$)/.test(tree.licence);
  return 'all' in tree ? tree.all.every(allowsCommercialUse) : tree.any.some(allowsCommercialUse);
}
