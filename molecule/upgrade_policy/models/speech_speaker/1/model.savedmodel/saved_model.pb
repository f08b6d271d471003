Stands for the weights.
