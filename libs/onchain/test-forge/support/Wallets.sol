// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A payer that is a contract and lets one key sign.
contract KeyWallet is IERC1271 {
    address private immutable _key;

    constructor(address key) {
        _key = key;
    }

    function isValidSignature(bytes32 digest, bytes memory signature) external view returns (bytes4) {
        (address found, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signature);
        bool isValid = problem == ECDSA.RecoverError.NoError && found == _key;
        return isValid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title A payer that answers questions about its signatures with malice.
contract HostileWallet {
    enum Malice {
        Revert,
        BurnGas,
        HugeAnswer,
        ShortAnswer,
        DirtyAnswer
    }

    Malice private immutable _malice;

    constructor(Malice malice) {
        _malice = malice;
    }

    fallback() external {
        Malice malice = _malice;
        if (malice == Malice.BurnGas) {
            for (;;) {}
        }
        bytes4 magic = IERC1271.isValidSignature.selector;
        assembly {
            switch malice
            case 2 { return(0, 50000) }
            case 3 {
                mstore(0, magic)
                return(0, 4)
            }
            case 4 {
                mstore(0, or(magic, 1))
                return(0, 32)
            }
            default { revert(0, 0) }
        }
    }
}
