/** The program of nftables, by its path: npm puts another one of that name first. */
export const nft = '/usr/sbin/nft';
