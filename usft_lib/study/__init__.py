"""The study behind lessons 08 to 15: which layers to fine-tune, asked with seeds, intervals and rules fixed in advance.

From a question to a verdict, and the file that does each step:

1. results/PROTOCOL.md says, before anything runs, what is asked, how it is measured, and what may then be said.
2. `grids` lists the experiments of each named grid. `experiment` says what one of them is (`Experiment`), runs it and
   makes its record. `targets` splits a data set into images to train on, to choose on and to test on.
3. An experiment begins with weights from `pretraining`, trains what its strategy names (`strategies`; sets of layers
   are drawn in `matched`), and is scored. `convergence` trains at a constant rate with many looks; `folding` makes
   long runs quicker.
4. `runner` runs a grid on all cores or on a cluster. What is finished is never run again.
5. `files` keeps finished experiments in results/; `records` finds them by target, strategy and seed (`usft.results`).
6. `lines` compares two strategies and says what may be said; `claims`, `slopes` and `claims_13_to_15` make each claim's
   lines by the protocol's rule. `report` words results/VERDICTS.md, `explorer` gives what the explorer shows.

``python data_scripts/run_study.py --grid schemes`` runs a grid, ``--report`` writes the verdicts.
"""
