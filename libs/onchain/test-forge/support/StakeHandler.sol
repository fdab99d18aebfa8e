// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStakeRegistry} from "../../contracts/IStakeRegistry.sol";
import {StakeRegistry} from "../../contracts/StakeRegistry.sol";
import {SoleAuthority} from "./SoleAuthority.sol";
import {Cheats} from "./Test.sol";
import {TestToken} from "./TestToken.sol";

/// @title Stakers of both pools and their judge, acting at random; remembers what each put in and got out.
contract StakeHandler is Cheats {
    uint40 public constant UNBOND = 14 days;
    uint40 public constant VETO = 7 days;

    StakeRegistry public immutable registry;
    TestToken public immutable token;
    address[] public people;

    // Ghosts: what must hold, kept apart from the contract's own books.
    mapping(uint8 pool => mapping(address person => uint256)) public staked;
    mapping(uint8 pool => mapping(address person => uint256)) public withdrawn;
    mapping(uint8 pool => mapping(address person => uint256)) public slashed;
    mapping(uint8 pool => mapping(address person => uint256)) public earned;
    mapping(uint8 pool => uint256) public given;
    mapping(uint8 pool => uint256) public paid;
    /// @notice What went wrong inside an action, for an invariant to report.
    string public broken;

    constructor(address treasury, address[] memory people_) {
        token = new TestToken();
        registry = new StakeRegistry(token, address(new SoleAuthority()), treasury, UNBOND, VETO, 5_000);
        people = people_;
        for (uint256 i = 0; i < people_.length; ++i) {
            token.transfer(people_[i], 1e26);
            vm.prank(people_[i]);
            token.approve(address(registry), type(uint256).max);
        }
        token.approve(address(registry), type(uint256).max);
    }

    function stake(uint256 who, bool nodes, uint256 amount) external {
        (address person, uint8 pool) = (_person(who), _pool(nodes));
        amount = bound(amount, 1, 1e24);
        if (amount > token.balanceOf(person)) return;
        vm.prank(person);
        registry.stake(IStakeRegistry.PoolId(pool), amount);
        staked[pool][person] += amount;
    }

    function unbond(uint256 who, bool nodes, uint256 amount) external {
        (address person, uint8 pool) = (_person(who), _pool(nodes));
        uint256 all = registry.positionOf(IStakeRegistry.PoolId(pool), person).staked;
        vm.prank(person);
        try registry.unbond(IStakeRegistry.PoolId(pool), bound(amount, 1, all + 1)) {} catch {}
    }

    function withdraw(uint256 who, bool nodes) external {
        (address person, uint8 pool) = (_person(who), _pool(nodes));
        uint256 matured = _matured(pool, person);
        uint256 before = token.balanceOf(person);
        vm.prank(person);
        try registry.withdraw(IStakeRegistry.PoolId(pool)) returns (uint256 amount) {
            if (amount > matured) broken = "withdrew what had not waited long enough";
            if (token.balanceOf(person) - before != amount) broken = "C10: another amount moved out";
            withdrawn[pool][person] += amount;
        } catch {}
    }

    function reward(bool nodes, uint256 amount) external {
        uint8 pool = _pool(nodes);
        amount = bound(amount, 1, 1e22);
        uint256[] memory before = _stakes(pool);
        uint256 total = registry.poolOf(IStakeRegistry.PoolId(pool)).staked;
        try registry.notifyReward(IStakeRegistry.PoolId(pool), amount) {
            given[pool] += amount;
            // Rounded up: the contract may owe less than this, never more.
            for (uint256 i = 0; i < before.length; ++i) {
                if (before[i] > 0) earned[pool][people[i]] += (amount * before[i]) / total + 1;
            }
        } catch {}
    }

    function send(uint256 amount) external {
        amount = bound(amount, 1, 1e22);
        uint256[] memory validators = _stakes(0);
        uint256[] memory operators = _stakes(1);
        uint256 total =
            uint256(registry.poolOf(IStakeRegistry.PoolId(0)).staked) + registry.poolOf(IStakeRegistry.PoolId(1)).staked;
        if (total == 0) return;
        token.transfer(address(registry), amount);
        uint256[2] memory before;
        for (uint8 pool = 0; pool < 2; ++pool) before[pool] = registry.poolOf(IStakeRegistry.PoolId(pool)).rewarded;
        if (registry.notifyHeld() != amount) broken = "shared another amount than was sent";
        for (uint8 pool = 0; pool < 2; ++pool) {
            given[pool] += registry.poolOf(IStakeRegistry.PoolId(pool)).rewarded - before[pool];
        }
        for (uint256 i = 0; i < people.length; ++i) {
            if (validators[i] > 0) earned[0][people[i]] += (amount * validators[i]) / total + 2;
            if (operators[i] > 0) earned[1][people[i]] += (amount * operators[i]) / total + 2;
        }
    }

    function claim(uint256 who, bool nodes) external {
        (address person, uint8 pool) = (_person(who), _pool(nodes));
        uint256 before = token.balanceOf(person);
        uint256 owed = registry.positionOf(IStakeRegistry.PoolId(pool), person).owed;
        vm.prank(person);
        try registry.claimReward(IStakeRegistry.PoolId(pool)) returns (uint256 amount) {
            if (amount != owed) broken = "another reward than was shown";
            if (token.balanceOf(person) - before != amount) broken = "C10: another reward moved";
            if (amount > earned[pool][person]) broken = "more reward than the stakes earned";
            earned[pool][person] -= amount;
            paid[pool] += amount;
        } catch {}
    }

    function propose(uint256 who, bool nodes, uint256 amount, bytes32 offence) external {
        (address person, uint8 pool) = (_person(who), _pool(nodes));
        uint256 held = _held(pool, person);
        uint256 locked = registry.positionOf(IStakeRegistry.PoolId(pool), person).locked;
        amount = bound(amount, 1, 2e24);
        try registry.proposeSlash(IStakeRegistry.PoolId(pool), person, amount, offence) returns (uint256 id) {
            (,,,, uint128 taken) = registry.slashes(id);
            if (taken > held / 2) broken = "C6: above the cap";
            if (taken > held - locked) broken = "C6: promised twice";
        } catch {}
    }

    function veto(uint256 seed) external {
        try registry.vetoSlash(_recentSlash(seed)) {} catch {}
    }

    function execute(uint256 seed) external {
        uint256 id = _recentSlash(seed);
        (address person, IStakeRegistry.PoolId pool, IStakeRegistry.SlashState state, uint40 at, uint128 amount) =
            registry.slashes(id);
        uint256 owed = registry.positionOf(pool, person).owed;
        try registry.executeSlash(id) {
            if (state != IStakeRegistry.SlashState.Proposed) broken = "C6: executed twice, or after a veto";
            if (block.timestamp < at) broken = "C6: executed within the window";
            if (registry.positionOf(pool, person).owed != owed) broken = "a slash changed a reward";
            slashed[uint8(pool)][person] += amount;
        } catch {
            if (state == IStakeRegistry.SlashState.Proposed && block.timestamp >= at) {
                broken = "C6: a proposal that nobody vetoed could not be executed";
            }
        }
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1 hours, 10 days));
    }

    function headcount() external view returns (uint256) {
        return people.length;
    }

    function _recentSlash(uint256 seed) private view returns (uint256) {
        uint256 last = registry.slashCount();
        return bound(seed, last > 3 ? last - 3 : 1, last + 1);
    }

    function _person(uint256 who) private view returns (address) {
        return people[who % people.length];
    }

    function _pool(bool nodes) private pure returns (uint8) {
        return nodes ? 1 : 0;
    }

    function _held(uint8 pool, address person) private view returns (uint256) {
        return staked[pool][person] - withdrawn[pool][person] - slashed[pool][person];
    }

    function _stakes(uint8 pool) private view returns (uint256[] memory stakes) {
        stakes = new uint256[](people.length);
        for (uint256 i = 0; i < stakes.length; ++i) {
            stakes[i] = registry.positionOf(IStakeRegistry.PoolId(pool), people[i]).staked;
        }
    }

    function _matured(uint8 pool, address person) private view returns (uint256 sum) {
        IStakeRegistry.Unbonding[] memory queue = registry.unbondingsOf(IStakeRegistry.PoolId(pool), person);
        for (uint256 i = 0; i < queue.length; ++i) {
            if (block.timestamp >= queue[i].availableAt) sum += queue[i].amount;
        }
    }
}
